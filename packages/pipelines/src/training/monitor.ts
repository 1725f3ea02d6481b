import {
  type DatasetIdentity,
  type ImageDataset,
  identityDifference,
  limitSkipped,
  randomSplit,
  randomSubset,
  type View,
} from "@splitmask/data";
import { embedDataset, type ImageEncoder, knnAccuracy } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { PretrainingTask } from "@splitmask/methods";
import type { StepCount } from "@splitmask/trainer";
import { checkClasses, withLabels } from "../pictures/labelledPictures.js";
import { closedOnError } from "../pictures/openFiles.js";
import { identityOf, openRecordedPictures } from "../pictures/samePictures.js";
import { warnOfShared } from "../pictures/sharedWarning.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { readingOf } from "../settings/sourceFields.js";
import { type RunContext, unwatched, type Watch } from "./runKind.js";

/** Neighbors that vote, as in `splitmask knn`. */
const neighbors = 20;

/** What a monitor gives, and by what a monitored run's best checkpoint is told. */
const figure = "knnAccuracy";

/**
 * Opens the labeled pictures of a monitor: two thirds of its number vote, one third is classified, drawn with the
 * seed, class by class. Without pictures to test with, some are held out. Warns where they are not those from before.
 *
 * @throws Error where there are not two classes, or no labeled picture.
 */
export async function openMonitor(
  { device, terminal }: Pick<RunContext, "device" | "terminal">,
  config: PretrainingSettings,
  view: View,
  every: StepCount,
  before: readonly DatasetIdentity[],
): Promise<Omit<Watch<never, PretrainingTask>, "interrupted" | "finish">> {
  const { cacheFolder, maximumSkipped, monitor, monitorPictures, monitorTest, seed } = config;
  if (monitor === null) return unwatched;
  const reading = { ...readingOf(config), cacheFolder };
  const opened = await openRecordedPictures(monitor, "--monitor", terminal, { ...reading, use: "training" });
  return closedOnError([opened], async () => {
    checkClasses("--monitor", monitor, opened);
    const { classes } = opened;
    const options = { ...reading, use: "validation", classes } as const;
    const tests =
      monitorTest === null
        ? null
        : await openRecordedPictures(monitorTest, "--monitor-test", terminal, options);
    return closedOnError([tests], async () => {
      const some = (dataset: ImageDataset, most: number) =>
        dataset.length <= most ? dataset : randomSubset(dataset, { count: most, seed });
      const labelled = withLabels("--monitor", monitor, opened, terminal);
      let voting: ImageDataset;
      let tested: ImageDataset;
      let warnings: readonly string[] = [];
      if (tests === null) {
        const parts = randomSplit(some(labelled, monitorPictures), { fraction: 1 / 3, seed });
        [voting, tested] = parts as [ImageDataset, ImageDataset];
      } else {
        const third = Math.max(1, Math.floor(monitorPictures / 3));
        voting = some(labelled, monitorPictures - third);
        tested = some(withLabels("--monitor-test", monitorTest!, tests, terminal), third);
        warnings = await warnOfShared("--monitor-test", voting, tested, terminal);
      }
      const sources = [opened, tests].filter((source) => source !== null);
      const identities = (await Promise.all(sources.map(identityOf))).filter((found) => found !== null);
      for (const [place, identity] of before.entries()) {
        const now = identities[place];
        const difference = now === undefined ? null : identityDifference(identity, now, true);
        if (difference === null) continue;
        terminal.warn(
          "the monitor's pictures are not those that the run was started with, so that its figures do not compare " +
            `with the earlier ones: ${difference}.`,
        );
      }
      const train = limitSkipped(voting, { maximumSkipped });
      const test = limitSkipped(tested, { maximumSkipped });
      return {
        ...{ identities, warnings },
        options: ({ model: { encoder } }) => ({
          evaluation: {
            every,
            run: ({ signal }) =>
              accuracyOf(device, encoder, view, train, test, (done) => {
                signal.throwIfAborted();
                terminal.progress(`monitor: ${done} of ${train.length + test.length} pictures`);
              }),
          },
          keepBest: { figure, better: "higher" },
        }),
        async close() {
          for (const source of sources) await source.close?.();
        },
      };
    });
  });
}

/** The share of the test pictures that the nearest training pictures classify rightly, by the encoder as it is. */
async function accuracyOf(
  device: Device,
  encoder: ImageEncoder,
  view: View,
  training: ImageDataset,
  tested: ImageDataset,
  onProgress: (done: number) => void,
): Promise<Record<string, number>> {
  const embed = (dataset: ImageDataset, before: number) =>
    embedDataset({ device, encoder, dataset, view, onProgress: (done) => onProgress(before + done) });
  const train = await embed(training, 0);
  const test = await embed(tested, training.length);
  const k = Math.min(neighbors, train.labels.length);
  return { [figure]: (await knnAccuracy({ device, train, test, k })).accuracy };
}
