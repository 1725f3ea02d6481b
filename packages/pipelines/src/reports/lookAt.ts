import { dirname, relative } from "node:path";
import {
  centerCrop,
  evenlySpaced,
  type ImageBatch,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  shownName,
  subset,
  type View,
} from "@splitmask/data";
import { embedBatches } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { SplitMask } from "@splitmask/methods";
import {
  attentionViews,
  drawPictures,
  embeddingMap,
  knnConfusion,
  type MapMethod,
  neighbourViews,
  pictureAtlas,
  pngOf,
  predictionViews,
  type ReportData,
  tokenView,
  wordsNote,
} from "@splitmask/report";
import { exampleDictionary } from "@splitmask/tokenizer";
import type { VisionTransformer } from "@splitmask/vit";

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
  /** The trained encoder. */
  readonly encoder: VisionTransformer;
  /** The pictures. */
  readonly dataset: ImageDataset;
  /** Where the paths start that people are shown. */
  readonly root: string;
  /** The encoder's view, and the one that is drawn: the same crop in [−1, 1]. */
  readonly views: readonly [View, View];
  /** Share of the short side that is seen, from the middle. */
  readonly cropRatio: number;
  /** Whether the encoder was trained without labels, so that its neighbours may be asked for them. */
  readonly withoutLabels: boolean;
  /** How the map is made. */
  readonly map: MapMethod;
  /** What chance depends on. */
  readonly seed: number;
}

/** Pictures on the device: in the encoder's view, as they are drawn, and as thumbnails. */
export interface LoadedPictures {
  /** At most 64 pictures each. */
  readonly batches: readonly ImageBatch[];
  /** What they are called. */
  readonly names: readonly string[];
  /** What could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/** What the page shows of an encoder. */
export type EncoderLooks = Pick<ReportData, "attention" | "neighbours" | "map" | "confusions">;

/** What the page shows of the tokenizer and the decoder. */
export type MethodLooks = Pick<ReportData, "tokens" | "pictures" | "wordsNote">;

/**
 * Loads pictures from all over the data set.
 *
 * @param request Which.
 * @throws Error where no picture can be read.
 */
export async function loadGallery(request: LookRequest): Promise<LoadedPictures> {
  const { dataset } = request;
  const gallery = await load(request, evenlySpaced(dataset.length, gallerySize));
  if (gallery.batches.length === 0)
    throw new Error(`report: none of the pictures in ${dirname(dataset.path(0))} can be read.`);
  return gallery;
}

/**
 * Looks at pictures with an encoder: attention, neighbours, map, and what the neighbours say of the classes.
 *
 * @param request The encoder and the pictures.
 * @param gallery Those of `loadGallery`.
 */
export async function lookAtEncoder(request: LookRequest, gallery: LoadedPictures): Promise<EncoderLooks> {
  const { device, encoder, dataset } = request;
  const { batches, names } = gallery;
  const looking = await load(request, middles(dataset.length, shownAttention));
  const features = await embedBatches(encoder, batches);
  const drawn = await Promise.all(
    batches.map(({ views: [, pixels] }) => drawPictures(pixels!, pixels!.shape[2]! / encoder.grid[0])),
  );
  const places = drawn.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, index) => ({ batch, index })),
  );
  const pictures = places.map(({ batch, index }, row) => ({
    name: names[row]!,
    image: () => pngOf(batch, index),
  }));
  const queries = middles(pictures.length, shownQueries);
  const labels = Int32Array.from(batches.flatMap((batch) => Array.from(batch.labels)));
  const atlas = await pictureAtlas(batches.map((batch) => batch.views[2]!));
  const mapped = { features, labels, classes: dataset.classes, names, atlas };
  const knn = request.withoutLabels ? await knnConfusion(device, features, labels, dataset.classes) : null;
  return {
    attention:
      looking.batches[0] === undefined
        ? []
        : await attentionViews(encoder, looking.batches[0], looking.names),
    neighbours:
      pictures.length > 1 ? await neighbourViews(device, features, pictures, queries, shownNeighbours) : [],
    map: await embeddingMap(device, mapped, request.map, request.seed),
    confusions: knn === null ? [] : [knn],
  };
}

/**
 * Looks at pictures with the tokenizer and the decoder: words, halves, predictions.
 *
 * @param request The pictures.
 * @param method The trained method.
 * @param gallery Those of `loadGallery`.
 */
export async function lookAtMethod(
  request: LookRequest,
  method: SplitMask,
  gallery: LoadedPictures,
): Promise<MethodLooks> {
  const { tokenizer } = method.config;
  const pixels = gallery.batches.map((batch) => batch.views[1]!);
  const shown = await load(request, middles(request.dataset.length, shownPictures));
  // Every third batch, so from all over the gallery: more patches would hardly draw the words better.
  const examples = pixels.filter((_, index) => index % 3 === 0);
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
            request.seed,
          ),
    wordsNote: wordsNote(tokenizer.name),
  };
}

/** Loads some pictures of the data set; those that cannot be read are left out. */
async function load(request: LookRequest, indices: readonly number[]): Promise<LoadedPictures> {
  const { device, dataset, root, cropRatio, views } = request;
  const source = orderedBatches(subset(dataset, indices), {
    device,
    batchSize: 64,
    views: [...views, { ...views[1], size: thumbnail }],
    augmentation: centerCrop({ ratio: cropRatio }),
  });
  const batches: ImageBatch[] = [];
  for await (const batch of source) batches.push(batch);
  const kept = batches.flatMap((batch) => Array.from(batch.indices, (index) => indices[index]!));
  return {
    batches,
    names: kept.map((index) => shownName(relative(root, dataset.path(index)))),
    skipped: source.skipped(),
  };
}

/** Like `evenlySpaced`, from the middle of each stretch: not the first picture of each class. */
function middles(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));
}
