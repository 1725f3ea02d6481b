import { type ImageDataset, limitSkipped, subset } from "@splitmask/data";
import { type EmbeddedDataset, embedDataset, embedLayers, type LabelledFeatures } from "@splitmask/eval";
import { UsageError } from "@splitmask/methods/settings";
import { withDevice } from "../machine/withDevice.js";
import { drawLabels, type LabelChoice, type LabelDraw } from "../pictures/labelDraws.js";
import { openLabelledPictures } from "../pictures/labelledPictures.js";
import { withPictures } from "../pictures/openFiles.js";
import { loadEncoder } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import { type LabelledConfig, settleLabelled } from "../settings/sourceFields.js";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";
import {
  type EvaluationKind,
  type ProbeSettings,
  type RepeatedEvaluation,
  repeatEvaluation,
} from "./repeatEvaluation.js";
import { trainedRange } from "./trainedRange.js";

/** What to evaluate. */
export interface EvaluateRequest extends LabelChoice, ProbeSettings, LabelledConfig, RunMethod {
  /** A run folder, or a checkpoint folder inside one. */
  readonly run: string;
  /** Labeled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labeled pictures with the same class names. */
  readonly test: string;
  /** The encoder as it was before training. */
  readonly untrained?: boolean;
  /**
   * Layers that are compared: blocks counted from 1, 0 for the embedding before them; `"all"` blocks. Default: the
   * encoder's output alone.
   */
  readonly layers?: "all" | readonly number[];
  /** Neighbors that vote (k-NN). Default 20. */
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

/** How good the embeddings of one layer are. */
export interface LayerEvaluation
  extends Pick<RepeatedEvaluation, "accuracy" | "interval" | "standardDeviation"> {
  /** The block, counted from 1. */
  readonly layer: number;
}

/**
 * How good the embeddings are. Accuracies are shares of the test pictures, means over the seeds where there are
 * several.
 */
export interface Evaluation extends RepeatedEvaluation {
  /** Number of training pictures. */
  readonly train: number;
  /** Number of test pictures. */
  readonly test: number;
  /** Accuracy of always naming the most frequent class of the test pictures. */
  readonly chance: number;
  /** Class names, by label. */
  readonly classes: readonly string[];
  /** Steps that the encoder was trained for. */
  readonly step: number;
  /** Whether the encoder was evaluated without its weights. */
  readonly untrained: boolean;
  /** Why the figures may not mean what they seem to: test pictures that are training pictures too. */
  readonly warnings: readonly string[];
  /** Each of the layers that were asked for; the rest of this object is about the last of them. */
  readonly layers?: readonly LayerEvaluation[];
}

/**
 * Evaluates a run's encoder on labeled folders; a choice of labels (`labels`, `subset`, `perClass`) is one of the
 * training pictures. The pictures are embedded once for all kinds, layers
 * and seeds that are asked for.
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
  const { untrained = false } = request;
  const { maximumSkipped = defaultMaximumSkipped } = request;
  const valueRange = request.valueRange ?? (await trainedRange(request.run));
  const pictures = await openLabelledPictures(
    request,
    { ...settleLabelled(request), valueRange, maximumSkipped },
    terminal,
  );
  const { classes, test: testPictures, warnings } = pictures;
  const trainPictures = pictures.train.dataset;
  return withPictures([trainPictures, testPictures], async () => {
    const draws = await drawLabels(trainPictures, request);
    if (draws.length > 1 && kinds.some((kind) => kind === "knn") && draws[0]!.indices === null) {
      throw new UsageError(
        "--seeds and --repeats: k-NN with all labels gives the same for every seed. Draw some of them with --per-class or --labels.",
      );
    }
    return withDevice(request.threads, async (device) => {
      const { encoder, step, view } = await loadEncoder(device, { ...request, untrained });
      const layers = chosenLayers(request.layers, encoder.blocks.length);
      const embed = async (what: string, pictures: ImageDataset) => {
        const dataset = limitSkipped(pictures, { maximumSkipped });
        const options = {
          ...{
            device,
            dataset,
            view,
            batchSize: request.batch ?? 64,
          },
          onProgress: (done: number, total: number) =>
            terminal.progress(`${what}: ${done} of ${total} pictures embedded`, done === total),
        };
        const embedded =
          layers === null
            ? [await embedDataset({ ...options, encoder })]
            : await embedLayers({ ...options, encoder, layers });
        tellSkippedOf(what, embedded[0]!, terminal);
        return embedded;
      };
      const wanted = unionOf(draws);
      const train = await embed("train", wanted === null ? trainPictures : subset(trainPictures, wanted));
      const test = await embed("test", testPictures);
      terminal.endProgress();
      const rows = draws.map(({ seed, indices }) => ({ seed, rows: rowsOf(indices, wanted, train[0]!) }));
      const results: Partial<Record<EvaluationKind, Evaluation>> = {};
      for (const kind of kinds) {
        const byLayer: RepeatedEvaluation[] = [];
        for (const [place, features] of train.entries()) {
          const name = layers === null ? "" : `layer ${layers[place]}: `;
          byLayer.push(
            await repeatEvaluation(
              { kind, device, train: features, test: labelled(test[place]!), draws: rows, settings: request },
              (text) => terminal.progress(`${name}${text}`),
            ),
          );
        }
        terminal.endProgress();
        results[kind] = {
          ...byLayer.at(-1)!,
          train: rows[0]!.rows?.length ?? train[0]!.labels.length,
          test: test[0]!.labels.length,
          chance: mostFrequent(test[0]!.labels),
          classes,
          step,
          untrained,
          warnings,
          ...(layers === null
            ? {}
            : { layers: byLayer.map((result, place) => ofLayer(result, layers[place]!)) }),
        };
      }
      return results as Record<Kind, Evaluation>;
    });
  });
}

/** Warns of pictures that have no row. */
function tellSkippedOf(what: string, { skipped }: EmbeddedDataset, terminal: Terminal): void {
  const [first] = skipped;
  if (first === undefined) return;
  terminal.warn(
    `${skipped.length} ${what} pictures were skipped, e.g. ${printable(first.path)}: ${first.reason}`,
  );
}

function chosenLayers(layers: EvaluateRequest["layers"], depth: number): readonly number[] | null {
  if (layers === undefined) return null;
  if (layers === "all") return Array.from({ length: depth }, (_, block) => block + 1);
  const wrong = layers.find((layer) => layer > depth);
  if (wrong !== undefined) {
    throw new UsageError(
      `--layers: got ${wrong}, but this encoder has ${depth} blocks; expected "all" or numbers from 0 (before the first block) to ${depth}.`,
    );
  }
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** All pictures that some draw takes, rising; null: all. */
function unionOf(draws: readonly LabelDraw[]): Int32Array | null {
  const all = new Set<number>();
  for (const { indices } of draws) {
    if (indices === null) return null;
    for (const index of indices) all.add(index);
  }
  return Int32Array.from(all).sort();
}

/** The rows of a draw among the embedded pictures; null: all. Pictures that could not be read have none. */
function rowsOf(
  indices: Int32Array | null,
  embeddedIndices: Int32Array | null,
  embedded: EmbeddedDataset,
): Int32Array | null {
  if (indices === null || embeddedIndices === null) return null;
  const wanted = new Set(indices);
  const rows: number[] = [];
  for (const [row, place] of embedded.indices.entries())
    if (wanted.has(embeddedIndices[place]!)) rows.push(row);
  return Int32Array.from(rows);
}

function labelled({ classes, features, labels }: EmbeddedDataset): LabelledFeatures {
  return { classes, features, labels };
}

function ofLayer(
  { accuracy, interval, standardDeviation }: RepeatedEvaluation,
  layer: number,
): LayerEvaluation {
  return { layer, accuracy, interval, ...(standardDeviation === undefined ? {} : { standardDeviation }) };
}

/** Share of the most frequent label. */
function mostFrequent(labels: Int32Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
