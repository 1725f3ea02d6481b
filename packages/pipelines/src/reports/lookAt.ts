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
import { tokenizerView } from "@splitmask/methods";
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
import type { ReportedModel } from "./reportedRun.js";

/** Pictures among which neighbors are looked for, that are on the map, and that a method takes examples from. */
const gallerySize = 1024;
const shownPictures = 6;
const shownAttention = 4;
const shownQueries = 6;
const shownNeighbors = 5;
/** Side of a picture on the map. */
const thumbnail = 40;

/** What is looked at, and how. */
export interface LookAtRequest {
  /** Where it is computed. */
  readonly device: Device;
  /** The trained model. */
  readonly model: ReportedModel;
  /** The pictures. */
  readonly dataset: ImageDataset;
  /** Where the paths start that people are shown. */
  readonly root: string;
  /** Whether the encoder was trained with labels; without, its neighbors are asked for them. */
  readonly withLabels: boolean;
  /** How the map is made. */
  readonly map: MapMethod;
  /** What chance depends on. */
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

/** What the page shows where there is nothing to look with. */
export const nothingSeen: LookedAt = {
  ...{ tokens: null, method: null, attention: [], neighbors: [], map: null, confusions: [], skipped: [] },
};

/** Pictures on the device. */
interface LoadedPictures {
  /** At most 64 pictures each. */
  readonly batches: readonly ImageBatch[];
  /** What they are called. */
  readonly names: readonly string[];
  /** What could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/** What an encoder's pictures are drawn in: the same crop in [−1, 1]. */
function drawnView({ encoder, view }: ReportedModel): View {
  return tokenizerView({ imageSize: view.size, patch: encoder.config.patchSize });
}

/**
 * Looks at pictures from all over a data set: what the method makes of some, where the encoder looks, neighbors, a map,
 * and what the neighbors say of the classes.
 *
 * @param request The model and the pictures.
 * @throws Error where no picture can be read.
 */
export async function lookAt(request: LookAtRequest): Promise<LookedAt> {
  const { dataset, model } = request;
  const drawn = drawnView(model);
  const gallery = await load(request, evenlySpaced(dataset.length, gallerySize), [
    model.view,
    drawn,
    { ...drawn, size: thumbnail },
  ]);
  if (gallery.batches.length === 0)
    throw new Error(`report: none of the pictures in ${dirname(dataset.path(0))} can be read.`);
  return {
    ...(await lookAtMethod(request, gallery)),
    ...(await lookAtEncoder(request, gallery)),
    skipped: gallery.skipped,
    encoderParameters: model.encoder.parameterCount,
    parameters: model.parameters,
  };
}

/** Attention, neighbors, map, and what the neighbors say of the classes. */
async function lookAtEncoder(request: LookAtRequest, gallery: LoadedPictures) {
  const { dataset, device, map, model, seed, withLabels } = request;
  const { encoder } = model;
  const { batches, names } = gallery;
  const looking = await load(request, middles(dataset.length, shownAttention), [
    model.view,
    drawnView(model),
  ]);
  const features = await embedBatches(encoder, batches);
  const drawn = (await Promise.all(batches.map(({ views }) => drawPictures(views[1]!)))).flat();
  const queries = middles(names.length, shownQueries);
  const labels = Int32Array.from(batches.flatMap((batch) => Array.from(batch.labels)));
  const atlas = await pictureAtlas(batches.map((batch) => batch.views[2]!));
  const embedded = { features, labels, classes: dataset.classes };
  const knn = withLabels ? null : await knnConfusion(device, embedded);
  return {
    attention:
      looking.batches[0] === undefined
        ? []
        : await attentionViews(encoder, looking.batches[0], looking.names),
    neighbors:
      names.length > 1 ? await neighborViews(device, embedded, names, drawn, queries, shownNeighbors) : [],
    map: await embeddingMap(device, embedded, names, atlas, map, seed),
    confusions: knn === null ? [] : [knn],
  };
}

/** What the method shows besides its encoder. */
async function lookAtMethod(
  request: LookAtRequest,
  gallery: LoadedPictures,
): Promise<Pick<ReportData, "method" | "tokens">> {
  const { dataset, model } = request;
  const { encoder, look, views } = model;
  if (look === null) return { method: null, tokens: null };
  const shown = await load(request, middles(dataset.length, shownPictures), [...views, drawnView(model)]);
  const [batch] = shown.batches;
  if (batch === undefined) return { method: null, tokens: null };
  const pixels = gallery.batches.map((each) => each.views[1]!);
  // Every third batch, so from all over the gallery: more patches would hardly draw the words better.
  const looks = look({ batch, gallery: pixels.filter((_, index) => index % 3 === 0) });
  return {
    method: await methodView(looks, batch.views.at(-1)!, shown.names, encoder.grid),
    tokens: looks.tokenizer === null ? null : await tokenView(looks.tokenizer, pixels),
  };
}

/** Loads some pictures of the data set in some views; those that cannot be read are left out. */
async function load(
  { dataset, device, model, root }: LookAtRequest,
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
    names: kept.map((index) => shownName(relative(root, dataset.path(index)))),
    skipped: source.skipped(),
  };
}

/** Like `evenlySpaced`, from the middle of each stretch: not the first picture of each class. */
function middles(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count));
}
