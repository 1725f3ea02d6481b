import { dirname, relative } from "node:path";
import {
  centerCrop,
  type ImageBatch,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  subset,
} from "@splitmask/data";
import { embedBatches } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { SplitMask } from "@splitmask/methods";
import { pictureAtlas } from "../report/atlas.js";
import { attentionViews } from "../report/attention.js";
import type { ConfusionView, ReportData } from "../report/data.js";
import { exampleDictionary } from "../report/dictionary.js";
import { drawPictures, pngOf } from "../report/draw.js";
import { embeddingMap, type MapMethod } from "../report/embeddingMap.js";
import { knnConfusion } from "../report/knnConfusion.js";
import { neighbourViews } from "../report/neighbours.js";
import { predictionViews } from "../report/predictions.js";
import { tokenView } from "../report/tokens.js";
import type { RunDescription } from "./description.js";
import { encoderView, tokenizerView } from "./method.js";
import { spread } from "./pictures.js";

/** Pictures among which neighbours are looked for, that are on the map, and whose patches stand for words. */
const gallerySize = 1024;
const shownPictures = 6;
const shownAttention = 4;
const shownQueries = 6;
const shownNeighbours = 5;
/** Side of a picture on the map. */
const thumbnail = 40;

/** What is looked at, and how. */
export interface LookRequest {
  /** Where it is computed. */
  readonly device: Device;
  /** The run. */
  readonly description: RunDescription;
  /** Its trained method. */
  readonly method: SplitMask;
  /** The pictures. */
  readonly dataset: ImageDataset;
  /** Where the paths start that people are shown. */
  readonly root: string;
  /** How the map is made. */
  readonly map: MapMethod;
}

/** What the page shows of the pictures. */
export type Looked = Pick<
  ReportData,
  "tokens" | "pictures" | "wordsNote" | "attention" | "neighbours" | "map" | "skipped"
> & {
  /** The confusion matrix of the nearest neighbours; null where the pictures have no classes. */
  readonly knn: ConfusionView | null;
};

/** Pictures on the device: in the encoder's view, the tokenizer's, and as thumbnails. */
interface LoadedPictures {
  readonly batches: readonly ImageBatch[];
  readonly names: readonly string[];
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Looks at pictures with a run's tokenizer, encoder and decoder.
 *
 * @param request What is looked at.
 * @throws Error where no picture can be read.
 */
export async function lookAt(request: LookRequest): Promise<Looked> {
  const { dataset, method, description } = request;
  const { tokenizer } = method.config;
  const gallery = await load(request, spread(dataset.length, gallerySize));
  if (gallery.batches.length === 0)
    throw new Error(`report: none of the pictures in ${dirname(dataset.path(0))} can be read.`);
  const pixels = gallery.batches.map((batch) => batch.views[1]!);
  const shown = await load(request, middles(dataset.length, shownPictures));
  // Every third batch, so from all over the gallery: more patches would hardly draw the words better.
  const examples = pixels.filter((_, index) => index % 3 === 0);
  const looking = await load(request, middles(dataset.length, shownAttention));
  return {
    tokens: await tokenView(tokenizer, pixels),
    pictures:
      shown.batches[0] === undefined
        ? []
        : await predictionViews(
            method,
            shown.batches[0],
            exampleDictionary(tokenizer, examples),
            shown.names,
            description.config.seed,
          ),
    wordsNote: wordsNote(tokenizer.name),
    attention:
      looking.batches[0] === undefined
        ? []
        : await attentionViews(method.model.encoder, looking.batches[0], looking.names),
    ...(await lookAtEmbeddings(request, gallery)),
    skipped: gallery.skipped,
  };
}

/** Loads some pictures of the data set; those that cannot be read are left out. */
async function load(
  { device, description, dataset, root }: LookRequest,
  indices: readonly number[],
): Promise<LoadedPictures> {
  const tokens = tokenizerView(description.config);
  const source = orderedBatches(subset(dataset, indices), {
    device,
    batchSize: 64,
    views: [encoderView(description), tokens, { ...tokens, size: thumbnail }],
    augmentation: centerCrop({ ratio: 1 }),
  });
  const batches: ImageBatch[] = [];
  for await (const batch of source) batches.push(batch);
  const kept = batches.flatMap((batch) => Array.from(batch.indices, (index) => indices[index]!));
  return {
    batches,
    names: kept.map((index) => relative(root, dataset.path(index))),
    skipped: source.skipped(),
  };
}

/** Neighbours, map and confusion of the gallery's embeddings. */
async function lookAtEmbeddings(
  { device, description, method, dataset, map }: LookRequest,
  { batches, names }: LoadedPictures,
): Promise<Pick<Looked, "neighbours" | "map" | "knn">> {
  const features = await embedBatches(method.model.encoder, batches);
  const { patchSize } = method.config.tokenizer;
  const drawn = await Promise.all(batches.map((batch) => drawPictures(batch.views[1]!, patchSize)));
  const places = drawn.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, index) => ({ batch, index })),
  );
  const pictures = places.map(({ batch, index }, row) => ({
    name: names[row]!,
    image: () => pngOf(batch, index),
  }));
  const labels = Int32Array.from(batches.flatMap((batch) => Array.from(batch.labels)));
  const atlas = await pictureAtlas(batches.map((batch) => batch.views[2]!));
  const mapped = { features, labels, classes: dataset.classes, names, atlas };
  return {
    neighbours:
      pictures.length > 1
        ? await neighbourViews(
            device,
            features,
            pictures,
            middles(pictures.length, shownQueries),
            shownNeighbours,
          )
        : [],
    map: await embeddingMap(device, mapped, map, description.config.seed),
    knn: await knnConfusion(device, features, labels, dataset.classes),
  };
}

/** Like `spread`, from the middle of each stretch: not the first picture of each class. */
function middles(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));
}

function wordsNote(tokenizer: string): string {
  const how =
    "Each word is drawn as an example: of all patches of the pictures looked at, the one nearest to the mean of those that carry the word.";
  const exact =
    "“Exact” is the share of the hidden patches whose very word was named, out of all words of the vocabulary; a neighbouring word often looks the same.";
  if (tokenizer !== "random-projection") return `${how} ${exact}`;
  return `${how} The words themselves are random directions and would look like noise; patches of quite different looks may share one, so “in words” is coarse. ${exact}`;
}
