import {
  type DatasetIdentity,
  type ImageDataset,
  limitSkipped,
  randomSubset,
  split,
  type View,
} from "@splitmask/data";
import { embedDataset, type ImageEncoder, knnAccuracy } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { StepCount, TrainingEvaluation } from "@splitmask/trainer";
import { checkClasses, withLabels } from "../pictures/labelledPictures.js";
import { closedOnError } from "../pictures/openFiles.js";
import type { OpenPicturesOptions } from "../pictures/pictures.js";
import { identityOf, openRecordedPictures } from "../pictures/samePictures.js";
import { warnOfShared } from "../pictures/sharedWarning.js";
import type { MonitorSettings } from "../settings/resolveMonitor.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { type ReadingField, readingOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";

/** Neighbors that vote, as in `splitmask knn`. */
const neighbors = 20;

/** What a monitor gives, and by what a monitored run's best checkpoint is told. */
export const monitorFigure = "knnAccuracy";

/** Labeled pictures that a run is monitored with. */
export interface MonitorPictures {
  /** Those that vote. */
  readonly train: ImageDataset;
  /** Those that are classified. */
  readonly test: ImageDataset;
  /** What they are, wherever they lie: the monitor's pictures, and those that it tests with, where they are others. */
  readonly identities: readonly DatasetIdentity[];
  /** Why its figures may not mean what they seem to: pictures that are classified and vote too. */
  readonly warnings: readonly string[];
  /** Lets go of their files. */
  close(): Promise<void>;
}

/**
 * Opens the labeled pictures of a monitor: two thirds of its number vote, one third is classified, drawn with the
 * seed, class by class. Without pictures to test with, some are held out.
 *
 * @param config The run's settings.
 * @param terminal Where it is told that pictures have no label.
 * @returns null where there is no monitor.
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openMonitor(
  config: MonitorSettings &
    Pick<PretrainingSettings, "seed" | "maximumSkipped" | "cacheFolder" | ReadingField>,
  terminal: Terminal,
): Promise<MonitorPictures | null> {
  const { maximumSkipped, monitor, monitorPictures, monitorTest, seed } = config;
  if (monitor === null) return null;
  const source: OpenPicturesOptions = { ...readingOf(config), cacheFolder: config.cacheFolder };
  const opened = await openRecordedPictures(monitor, "--monitor", terminal, { ...source, use: "training" });
  return closedOnError([opened], async () => {
    checkClasses("--monitor", monitor, opened);
    const tests =
      monitorTest === null
        ? null
        : await openRecordedPictures(monitorTest, "--monitor-test", terminal, {
            ...source,
            use: "validation",
            classes: opened.classes,
          });
    return closedOnError([tests], async () => {
      const some = (dataset: ImageDataset, most: number) =>
        dataset.length <= most ? dataset : randomSubset(dataset, { count: most, seed });
      const found = await Promise.all([opened, ...(tests === null ? [] : [tests])].map(identityOf));
      const identities = found.filter((identity) => identity !== null);
      const close = async () => {
        await opened.close?.();
        await tests?.close?.();
      };
      const pictures = ([train, test]: readonly ImageDataset[], warnings: readonly string[]) => ({
        ...{ train: limitSkipped(train!, { maximumSkipped }), test: limitSkipped(test!, { maximumSkipped }) },
        ...{ warnings, identities, close },
      });
      const labelled = withLabels("--monitor", monitor, opened, terminal);
      if (tests === null)
        return pictures(split(some(labelled, monitorPictures), { fraction: 1 / 3, seed }), []);
      const third = Math.max(1, Math.floor(monitorPictures / 3));
      const train = some(labelled, monitorPictures - third);
      const test = some(withLabels("--monitor-test", monitorTest!, tests, terminal), third);
      return pictures([train, test], await warnOfShared("--monitor-test", train, test, terminal));
    });
  });
}

/**
 * The share of the test pictures that the nearest training pictures classify rightly, by the encoder as it is at the
 * moment.
 *
 * @param device Where it is computed.
 * @param encoder What is trained.
 * @param view The size and scale that it is trained with.
 * @param pictures What it is shown.
 * @param every Steps between two looks.
 * @param terminal Where progress is told.
 */
export function monitorEvaluation(
  device: Device,
  encoder: ImageEncoder,
  view: View,
  pictures: MonitorPictures,
  every: StepCount,
  terminal: Terminal,
): TrainingEvaluation {
  const total = pictures.train.length + pictures.test.length;
  return {
    every,
    async run({ signal }) {
      const embed = (dataset: ImageDataset, before: number) =>
        embedDataset({
          device,
          encoder,
          dataset,
          view,
          onProgress: (done) => {
            signal.throwIfAborted();
            terminal.progress(`monitor: ${before + done} of ${total} pictures`);
          },
        });
      const train = await embed(pictures.train, 0);
      const test = await embed(pictures.test, pictures.train.length);
      const k = Math.min(neighbors, train.labels.length);
      const { accuracy } = await knnAccuracy({ device, train, test, k });
      return { [monitorFigure]: accuracy };
    },
  };
}
