import { type ImageDataset, limitSkipped, randomSubset, split, type View } from "@splitmask/data";
import { embedDataset, type ImageEncoder, knnAccuracy } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { TrainingEvaluation } from "@splitmask/trainer";
import type { ResolvedConfig } from "../config/resolve.js";
import type { MonitorSettings } from "../config/resolveMonitor.js";
import type { Terminal } from "../terminal/terminal.js";
import { withLabels } from "./labelledPictures.js";
import { type OpenPicturesOptions, openPictures } from "./pictures.js";

/** Neighbours that vote, as in `splitmask knn`. */
const neighbours = 20;

/** What a monitor gives, and by what a monitored run's best checkpoint is told. */
export const monitorFigure = "knnAccuracy";

/** Labelled pictures that a run is monitored with. */
export interface MonitorPictures {
  /** Those that vote. */
  readonly train: ImageDataset;
  /** Those that are classified. */
  readonly test: ImageDataset;
  /** Lets go of their files. */
  close(): Promise<void>;
}

/**
 * Opens the labelled pictures of a monitor: two thirds of its number vote, one third is classified, drawn with the seed, class by class. Without pictures to test with, some are held out.
 *
 * @param config The run's settings.
 * @param terminal Where it is told that pictures have no label.
 * @returns null where there is no monitor.
 * @throws Error where there are not two classes, or no labelled picture.
 */
export async function openMonitor(
  config: MonitorSettings &
    Pick<ResolvedConfig, "seed" | "maximumSkipped" | "failOn" | "imageColumn" | "labelColumn" | "valueRange">,
  terminal: Terminal,
): Promise<MonitorPictures | null> {
  const { maximumSkipped, monitor, monitorPictures, monitorTest, seed } = config;
  if (monitor === null) return null;
  const { failOn, imageColumn, labelColumn, valueRange } = config;
  const source: OpenPicturesOptions = { failOn, imageColumn, labelColumn, valueRange };
  const opened = await openPictures(monitor, terminal, source);
  const { classes } = opened;
  if (classes.length < 2) {
    await opened.close?.();
    throw new Error(
      `--monitor: ${monitor} has ${classes.length === 0 ? "no class folders" : "only one class folder"}; expected one folder of pictures a class, at least two, or another source with labels.`,
    );
  }
  const tests =
    monitorTest === null ? null : await openPictures(monitorTest, terminal, { ...source, classes });
  const some = (dataset: ImageDataset, most: number) =>
    dataset.length <= most ? dataset : randomSubset(dataset, { count: most, seed });
  const limited = (dataset: ImageDataset) => limitSkipped(dataset, { maximumSkipped });
  const close = async () => {
    await opened.close?.();
    await tests?.close?.();
  };
  const third = Math.max(1, Math.floor(monitorPictures / 3));
  const labelled = withLabels("--monitor", monitor, opened, terminal);
  if (tests === null) {
    const [train, test] = split(some(labelled, monitorPictures), { fraction: 1 / 3, seed });
    return { train: limited(train), test: limited(test), close };
  }
  const train = some(labelled, monitorPictures - third);
  const test = some(withLabels("--monitor-test", monitorTest!, tests, terminal), third);
  return { train: limited(train), test: limited(test), close };
}

/**
 * The share of the test pictures that the nearest training pictures classify rightly, by the encoder as it is at the moment.
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
  every: number,
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
      const k = Math.min(neighbours, train.labels.length);
      const { accuracy } = await knnAccuracy({ device, train, test, k });
      return { [monitorFigure]: accuracy };
    },
  };
}
