import { type ImageDataset, subset } from "@splitmask/data";
import type { EmbeddedDataset } from "@splitmask/eval";
import { UsageError } from "@splitmask/methods/settings";
import { openLabelledPictures } from "../pictures/labelledPictures.js";
import { warnOfUnread } from "../pictures/skipped.js";
import { drawLabels, type LabelChoice, type LabelDraw } from "../pictures/subset.js";
import { trainedRange } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { type LabelledConfig, settleLabelled } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import {
  type EvaluationKind,
  type ProbeSettings,
  type RepeatedEvaluation,
  repeatEvaluation,
} from "./repeatEvaluation.js";
import { type UsedRun, withEncoder } from "./usedRun.js";

/** What to evaluate. */
export interface EvaluateRequest extends UsedRun, LabelChoice, ProbeSettings, LabelledConfig, RunMethod {
  /** Labeled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labeled pictures with the same class names. Default: `heldOut` of the others. */
  readonly test?: string;
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
  /** Steps that the encoder was trained for; null: a file of weights does not say. */
  readonly step: number | null;
  /** Whether the encoder was evaluated without its weights. */
  readonly untrained: boolean;
  /** Why the figures may not mean what they seem to: test pictures that are training pictures too. */
  readonly warnings: readonly string[];
  /** Each of the layers that were asked for; the rest of this object is about the last of them. */
  readonly layers?: readonly LayerEvaluation[];
}

/**
 * Evaluates a run's encoder on labeled folders; a choice of labels (`labels`, `subset`, `perClass`) is one of the
 * training pictures. The pictures are embedded once for all kinds, layers and seeds that are asked for.
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
  const { run, untrained = false, maximumSkipped, valueRange = await trainedRange(run) } = request;
  const source = { ...settleLabelled(request), valueRange, maximumSkipped };
  const pictures = await openLabelledPictures(request, source, terminal);
  const { classes, test: testPictures, warnings } = pictures;
  const trainPictures = pictures.train.dataset;
  return withEncoder(
    request,
    [trainPictures, testPictures],
    terminal,
    async ({ device, encoder, step, ...session }) => {
      const draws = await drawLabels(trainPictures, request);
      if (draws.length > 1 && kinds.some((kind) => kind === "knn") && draws[0]!.indices === null) {
        throw new UsageError(
          "--seeds and --repeats: k-NN with all labels gives the same for every seed. " +
            "Draw some of them with --per-class or --labels.",
        );
      }
      const layers = chosenLayers(request.layers, encoder.blocks.length);
      const embed = async (what: string, dataset: ImageDataset) => {
        const embedded = await session.embed(dataset, what, layers);
        warnOfUnread(embedded[0].skipped, `${what} were skipped`, terminal);
        return embedded;
      };
      const wanted = unionOf(draws);
      const union = wanted === null ? trainPictures : subset(trainPictures, wanted);
      const train = await embed("train pictures", union);
      const test = await embed("test pictures", testPictures);
      terminal.endProgress();
      const rows = draws.map(({ seed, indices }) => ({ seed, rows: rowsOf(indices, wanted, train[0]) }));
      const evaluated = async (kind: Kind): Promise<Evaluation> => {
        const byLayer: RepeatedEvaluation[] = [];
        for (const [place, features] of train.entries()) {
          const name = layers === null ? "" : `layer ${layers[place]}: `;
          const pictures = { train: features, test: test[place]! };
          const repeated = { kind, device, ...pictures, draws: rows, settings: request };
          byLayer.push(await repeatEvaluation(repeated, (text) => terminal.progress(`${name}${text}`)));
        }
        terminal.endProgress();
        return {
          ...byLayer.at(-1)!,
          train: rows[0]!.rows?.length ?? train[0].labels.length,
          test: test[0].labels.length,
          chance: mostFrequent(test[0].labels),
          ...{ classes, step, untrained, warnings },
          ...(layers && { layers: layers.map((layer, place) => ofLayer(layer, byLayer[place]!)) }),
        };
      };
      const results: Partial<Record<Kind, Evaluation>> = {};
      for (const kind of kinds) results[kind] = await evaluated(kind);
      return results as Record<Kind, Evaluation>;
    },
  );
}

function chosenLayers(layers: EvaluateRequest["layers"], depth: number): readonly number[] | null {
  if (layers === undefined) return null;
  if (layers === "all") return Array.from({ length: depth }, (_, block) => block + 1);
  const wrong = layers.find((layer) => layer > depth);
  if (wrong !== undefined) {
    throw new UsageError(
      `--layers: got ${wrong}, but this encoder has ${depth} blocks; ` +
        `expected "all" or numbers from 0 (before the first block) to ${depth}.`,
    );
  }
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** All pictures that some draw takes, rising; null: all. */
function unionOf(draws: readonly LabelDraw[]): Int32Array | null {
  if (draws.some(({ indices }) => indices === null)) return null;
  return Int32Array.from(new Set(draws.flatMap(({ indices }) => [...indices!]))).sort();
}

/** The rows of a draw among the embedded pictures; null: all. Pictures that could not be read have none. */
function rowsOf(
  drawn: Int32Array | null,
  embedded: Int32Array | null,
  { indices }: EmbeddedDataset,
): Int32Array | null {
  if (drawn === null || embedded === null) return null;
  const wanted = new Set(drawn);
  const rows = Array.from(indices, (_, row) => row);
  return Int32Array.from(rows.filter((row) => wanted.has(embedded[indices[row]!]!)));
}

function ofLayer(
  layer: number,
  { accuracy, interval, standardDeviation }: RepeatedEvaluation,
): LayerEvaluation {
  return { layer, accuracy, interval, ...(standardDeviation === undefined ? {} : { standardDeviation }) };
}

/** Share of the most frequent label. */
function mostFrequent(labels: Int32Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
