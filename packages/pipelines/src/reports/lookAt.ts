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
import {
  attentionViews,
  drawPictures,
  embeddingMap,
  knnConfusion,
  type MapMethod,
  methodView,
  neighborViews,
  pictureAtlas,
  type ReportData,
  tokenView,
} from "@splitmask/report";
import { rootOf } from "../pictures/pictures.js";
import type { ReportedModel } from "./reportedRun.js";

/** Pictures among which neighbors are looked for, that are on the map, and that a method takes examples from. */
const gallerySize = 1024;
const shownPictures = 6;
const shownAttention = 4;
const shownQueries = 6;
const shownNeighbors = 5;
/** Side of a picture on the map. */
const thumbnail = 40;
/** Most pixels of a patch's side where pictures are drawn. */
const drawnPatch = 8;

/** What is looked at, and how. */
export interface LookAtRequest {
  readonly device: Device;
  readonly model: ReportedModel;
  readonly dataset: ImageDataset;
  /** Whether the encoder was trained with labels; without, its neighbors are asked for them. */
  readonly withLabels: boolean;
  readonly map: MapMethod;
  readonly seed: number;
}

/** What the page shows of pictures. */
export interface LookedAt
  extends Pick<
    ReportData,
    "tokens" | "method" | "attention" | "neighbors" | "map" | "confusions" | "skipped"
  > {
  /** Parameters of the encoder. */
  readonly encoderParameters?: number;
  /** Parameters of the whole model. */
  readonly parameters?: number;
}

/** Pictures on the device. */
interface LoadedPictures {
  readonly batches: readonly ImageBatch[];
  readonly names: readonly string[];
  readonly skipped: readonly SkippedPicture[];
}

/** How pictures are drawn: in [−1, 1], with whole pixels for each of the encoder's patches. */
function drawnView({ grid: [rows], views: [seen] }: ReportedModel): View {
  const half = [0.5, 0.5, 0.5] as const;
  return { size: rows * Math.min(drawnPatch, seen.size / rows), mean: half, std: half };
}

/**
 * Looks at pictures from all over a data set: what the method makes of some, where the encoder looks, neighbors, a map,
 * and what the neighbors say of the classes.
 *
 * @throws Error where no picture can be read.
 */
export async function lookAt(request: LookAtRequest): Promise<LookedAt> {
  const { dataset, device, map, model, seed, withLabels } = request;
  const { encoder, views } = model;
  const drawn = drawnView(model);
  const thumbnails = { ...drawn, size: thumbnail };
  const all = [...views, drawn, thumbnails];
  const { batches, names, skipped } = await load(request, evenlySpaced(dataset.length, gallerySize), all);
  if (batches.length === 0)
    throw new Error(`report: none of the pictures in ${dirname(dataset.path(0))} can be read.`);
  const method = await lookAtMethod(request, batches);
  const { parameters } = model;
  if (encoder === null)
    return { ...method, attention: [], neighbors: [], map: null, confusions: [], skipped, parameters };
  const looking = await load(request, middles(dataset.length, shownAttention), [views[0], drawn]);
  const features = await embedBatches(encoder, batches);
  const drawings = (await Promise.all(batches.map(({ views }) => drawPictures(views.at(-2)!)))).flat();
  const queries = middles(names.length, shownQueries);
  const labels = Int32Array.from(batches.flatMap((batch) => Array.from(batch.labels)));
  const atlas = await pictureAtlas(batches.map((batch) => batch.views.at(-1)!));
  const embedded = { features, labels, classes: dataset.classes };
  const knn = withLabels ? null : await knnConfusion(device, embedded);
  const [first] = looking.batches;
  return {
    ...method,
    attention: first === undefined ? [] : await attentionViews(encoder, first, looking.names),
    neighbors:
      names.length > 1 ? await neighborViews(device, embedded, names, drawings, queries, shownNeighbors) : [],
    map: await embeddingMap(device, embedded, names, atlas, map, seed),
    confusions: knn === null ? [] : [knn],
    skipped,
    encoderParameters: encoder.parameterCount,
    parameters,
  };
}

/** What the method shows besides its encoder. */
async function lookAtMethod(
  request: LookAtRequest,
  gallery: readonly ImageBatch[],
): Promise<Pick<ReportData, "method" | "tokens">> {
  const { dataset, model } = request;
  const { grid, look, views } = model;
  if (look === null) return { method: null, tokens: null };
  const shown = await load(request, middles(dataset.length, shownPictures), [...views, drawnView(model)]);
  const [batch] = shown.batches;
  if (batch === undefined) return { method: null, tokens: null };
  const own = (each: ImageBatch) => ({ ...each, views: each.views.slice(0, views.length) });
  const looks = await look({ batch: own(batch), gallery: gallery.map(own) });
  const { words } = looks;
  return {
    method: await methodView(looks, batch.views.at(-1)!, shown.names, grid),
    tokens: words === null ? null : await tokenView(words.tokenizer, words.pictures),
  };
}

/** Loads some pictures of the data set in some views; those that cannot be read are left out. */
async function load(
  { dataset, device, model }: LookAtRequest,
  indices: readonly number[],
  views: readonly View[],
): Promise<LoadedPictures> {
  const source = orderedBatches(subset(dataset, indices), {
    ...{ device, views, batchSize: 64 },
    augmentation: centerCrop({ ratio: model.cropRatio }),
  });
  const batches: ImageBatch[] = [];
  for await (const batch of source) batches.push(batch);
  const kept = batches.flatMap((batch) => Array.from(batch.indices, (index) => indices[index]!));
  return {
    batches,
    names: kept.map((index) => shownName(relative(rootOf(dataset), dataset.path(index)))),
    skipped: source.skipped(),
  };
}

/** Like `evenlySpaced`, from the middle of each stretch: not the first picture of each class. */
function middles(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));
}
