import { type ImageDataset, limitSkipped } from "@splitmask/data";
import { embedDataset, knnAccuracy, linearProbe } from "@splitmask/eval";
import { createDevice } from "@splitmask/kernels";
import { defaultMaximumSkipped } from "../config/resolve.js";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";
import { loadEncoder } from "./encoder.js";
import { encoderView } from "./method.js";
import { openPictures } from "./pictures.js";
import { chooseSubset, type SubsetChoice } from "./subset.js";

/** What to evaluate. */
export interface EvaluateRequest extends SubsetChoice {
  /** A run folder, or a checkpoint folder inside one. */
  readonly run: string;
  /** Labelled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labelled pictures with the same class names. */
  readonly test: string;
  /** The encoder as it was before training. */
  readonly untrained?: boolean;
  /** Neighbours that vote (k-NN). Default 20. */
  readonly k?: number;
  /** Temperature of the vote (k-NN). Default 0.07. */
  readonly temperature?: number;
  /** Largest share of the pictures of a folder that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number;
  /** Pictures a step while embedding. Default 64. */
  readonly batch?: number;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** How good the embeddings are. */
export interface Evaluation {
  /** Share of the test pictures that were classified rightly. */
  readonly accuracy: number;
  /** Number of training pictures. */
  readonly train: number;
  /** Number of test pictures. */
  readonly test: number;
  /** Accuracy of always naming the most frequent class of the test pictures. */
  readonly chance: number;
  /** Class names, by label. */
  readonly classes: readonly string[];
  /** Accuracy by class name; null without test pictures. */
  readonly perClass: Readonly<Record<string, number | null>>;
  /** Steps that the encoder was trained for. */
  readonly step: number;
  /** Whether the encoder was evaluated without its weights. */
  readonly untrained: boolean;
  /** Neighbours that voted (k-NN only). */
  readonly k?: number;
  /** Temperature of the vote (k-NN only). */
  readonly temperature?: number;
  /** The penalty that was chosen on held-out training pictures (probe only). */
  readonly penalty?: number;
  /** Accuracy on the training pictures (probe only). */
  readonly trainAccuracy?: number;
}

/** The evaluations of one encoder that were asked for. */
export type EvaluationKind = "knn" | "probe";

/**
 * Evaluates a run's encoder on labelled folders; a subset (`subset`, `perClass`) is one of the training pictures. The pictures are embedded once for all kinds that are asked for.
 *
 * @param request What to evaluate.
 * @param kinds Which evaluations.
 * @param terminal Where progress is told.
 * @throws Error where the folders do not hold the same classes, or the run has no checkpoint.
 */
export async function evaluate<Kind extends EvaluationKind>(
  request: EvaluateRequest,
  kinds: readonly Kind[],
  terminal: Terminal,
): Promise<Record<Kind, Evaluation>> {
  const { k = 20, temperature = 0.07, batch = 64, untrained = false } = request;
  const trainPictures = await openPictures(request.train, terminal);
  if (trainPictures.classes.length < 2) {
    throw new Error(
      `--train: ${request.train} has ${trainPictures.classes.length === 0 ? "no class folders" : "only one class folder"}; expected one folder of pictures a class, at least two, or another source with labels.`,
    );
  }
  const testPictures = await openPictures(request.test, terminal, trainPictures.classes);
  const chosen = await chooseSubset(trainPictures, request);
  const device = createDevice(request.threads === undefined ? {} : { threads: request.threads });
  try {
    const { encoder, description, step } = await loadEncoder(device, { run: request.run, untrained });
    const embed = async (what: string, pictures: ImageDataset) => {
      const dataset = limitSkipped(pictures, {
        maximumSkipped: request.maximumSkipped ?? defaultMaximumSkipped,
      });
      const embedded = await embedDataset({
        device,
        encoder,
        dataset,
        view: encoderView(description),
        batchSize: batch,
        onProgress: (done: number, total: number) =>
          terminal.progress(`${what}: ${done} of ${total} pictures embedded`),
      });
      if (embedded.skipped.length > 0) {
        terminal.warn(
          `${embedded.skipped.length} ${what} pictures were skipped, e.g. ${printable(embedded.skipped[0]!.path)}: ${embedded.skipped[0]!.reason}`,
        );
      }
      return { features: embedded.features, labels: embedded.labels, classes: trainPictures.classes };
    };
    const train = await embed("train", chosen);
    const test = await embed("test", testPictures);
    terminal.endProgress();
    const common = { device, train, test };
    const shared = {
      train: train.labels.length,
      test: test.labels.length,
      chance: mostFrequent(test.labels),
      classes: trainPictures.classes,
      step,
      untrained,
    };
    const byName = (perClass: readonly number[]) =>
      Object.fromEntries(
        trainPictures.classes.map((name, label) => [
          name,
          Number.isNaN(perClass[label]!) ? null : perClass[label]!,
        ]),
      );
    const results: Partial<Record<EvaluationKind, Evaluation>> = {};
    for (const kind of kinds) {
      if (kind === "knn") {
        const neighbours = Math.min(k, train.labels.length);
        const { accuracy, perClass } = await knnAccuracy({ ...common, k: neighbours, temperature });
        results.knn = { accuracy, ...shared, perClass: byName(perClass), k: neighbours, temperature };
      } else {
        const { accuracy, perClass, penalty, trainAccuracy } = await linearProbe({
          ...common,
          onProgress: (done, total) => terminal.progress(`linear probe: fit ${done} of ${total}`),
        });
        terminal.endProgress();
        results.probe = { accuracy, ...shared, perClass: byName(perClass), penalty, trainAccuracy };
      }
    }
    return results as Record<Kind, Evaluation>;
  } finally {
    device.close();
    await trainPictures.close?.();
    await testPictures.close?.();
  }
}

/** Share of the most frequent label. */
function mostFrequent(labels: Int32Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
