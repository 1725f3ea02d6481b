import type { Tensor } from "@splitmask/autograd";
import {
  type Augmentation,
  type ImageBatch,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  type View,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";

/**
 * Anything that makes one vector a picture: the `VisionTransformer` of `@splitmask/vit`, or the `OnnxEncoder` of
 * `@splitmask/onnx`.
 */
export interface ImageEncoder {
  /**
   * B×3×H×W → B×D, without a graph. `pooling`: the mean of the patches' tokens, or the class token; `"patches"`, only
   * where `embedDataset` is asked for it: all patches' tokens, B×P×D.
   */
  encode(
    images: Tensor,
    options: { readonly pooling: "mean" | "class" | "patches" },
  ): Tensor | Promise<Tensor>;
}

/**
 * An encoder that makes one vector a picture of each of its layers; the `VisionTransformer` of `@splitmask/vit` is one.
 */
export interface LayerEncoder {
  /** B×3×H×W → B×D for each of `layers` (blocks counted from 1), without a graph. */
  encodeLayers(
    images: Tensor,
    options: { readonly layers: readonly number[]; readonly pooling: "mean" | "class" },
  ): Tensor[];
}

/** How pictures are embedded. */
export interface EmbedOptions {
  /** The mean of the patches' tokens (default), or the class token of an encoder that has one. */
  readonly pooling?: "mean" | "class";
}

/** Options of {@link embedDataset}. */
export interface EmbedDatasetOptions {
  /**
   * The mean of the patches' tokens (default), the class token of an encoder that has one, or the tokens of all
   * patches.
   */
  readonly pooling?: "mean" | "class" | "patches";
  /** Where the encoder lives. */
  readonly device: Device;
  /** What embeds. */
  readonly encoder: ImageEncoder;
  /** The pictures. */
  readonly dataset: ImageDataset;
  /** The size and scale that the encoder was trained with. */
  readonly view: View;
  /** What is cut out. Default: data's `centerCrop()`. */
  readonly augmentation?: Augmentation;
  /** Pictures a batch; changes the memory and the speed, not the result. Default 64. */
  readonly batchSize?: number;
  /** Hears of each batch: how many pictures of how many are embedded. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Pictures as vectors. */
export interface EmbeddedDataset {
  /** N×D, one row a picture that could be read; with pooling `"patches"` N×P×D. */
  readonly features: NdArray<Float32Array>;
  /** The class of each row; −1 without one. */
  readonly labels: Int32Array;
  /** Which picture of the data set each row is. */
  readonly indices: Int32Array;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** The pictures that could not be read; they have no row. */
  readonly skipped: readonly SkippedPicture[];
}

/** Options of {@link embedLayers}. */
export interface EmbedLayersOptions extends Omit<EmbedDatasetOptions, "encoder" | "pooling">, EmbedOptions {
  /** What embeds. */
  readonly encoder: LayerEncoder;
  /** Which layers: blocks counted from 1, 0 for the embedding before them. */
  readonly layers: readonly number[];
}

/**
 * Embeds all pictures of a data set in order, each once. While a batch computes, the next is decoded.
 *
 * @throws Error (rejects) when no picture can be read.
 */
export async function embedDataset(options: EmbedDatasetOptions): Promise<EmbeddedDataset> {
  const { encoder, pooling = "mean" } = options;
  const [embedded] = await embedAll("embedDataset", options, (images) => [
    encoder.encode(images, { pooling }),
  ]);
  return embedded!;
}

/**
 * Embeds all pictures of a data set once, with the vectors of several layers: what a probe by layer compares.
 *
 * @returns One set for each of `layers`, in their order; they share labels and indices.
 * @throws Error (rejects) when no picture can be read, or there is no such layer.
 */
export function embedLayers(options: EmbedLayersOptions): Promise<EmbeddedDataset[]> {
  const { encoder, layers, pooling = "mean" } = options;
  return embedAll("embedLayers", options, (images) => encoder.encodeLayers(images, { layers, pooling }));
}

async function embedAll(
  what: string,
  options: Omit<EmbedDatasetOptions, "encoder" | "pooling">,
  encode: EncodeLayers,
): Promise<EmbeddedDataset[]> {
  const { augmentation, batchSize = 64, dataset, device, onProgress, view } = options;
  const source = orderedBatches(dataset, {
    device,
    batchSize,
    views: [view],
    ...(augmentation === undefined ? {} : { augmentation }),
  });
  const rows = new Rows(encode);
  let done = 0;
  for await (const batch of source) {
    await rows.add(batch);
    for (const tensor of batch.views) tensor.dispose();
    done = batch.indices.at(-1)! + 1;
    onProgress?.(done, dataset.length);
  }
  const skipped = source.skipped();
  if (rows.count === 0) {
    const example =
      skipped[0] === undefined ? "the data set is empty" : `e.g. ${skipped[0].path}: ${skipped[0].reason}`;
    throw new Error(`${what}: none of the ${dataset.length} pictures can be read, ${example}.`);
  }
  if (done < dataset.length) onProgress?.(dataset.length, dataset.length);
  const { features, labels, indices } = await rows.gather();
  return features.map((layer) => ({ features: layer, labels, indices, classes: dataset.classes, skipped }));
}

/**
 * Embeds batches that are on the device already, e.g. those of `orderedBatches` of `@splitmask/data`; their first view
 * is used. The caller keeps the batches.
 *
 * @returns N×D, one row a picture in the order of the batches.
 * @throws Error (rejects) when there is no picture.
 */
export async function embedBatches(
  encoder: ImageEncoder,
  batches: Iterable<ImageBatch> | AsyncIterable<ImageBatch>,
  options: EmbedOptions = {},
): Promise<NdArray<Float32Array>> {
  const { pooling = "mean" } = options;
  const rows = new Rows((images) => [encoder.encode(images, { pooling })]);
  for await (const batch of batches) await rows.add(batch);
  if (rows.count === 0)
    throw new Error("embedBatches: there is no picture in the batches; expected at least one.");
  return (await rows.gather()).features[0]!;
}

/** What makes the vectors of one layer or several of a batch. */
type EncodeLayers = (images: Tensor) => readonly (Tensor | Promise<Tensor>)[];

/** Rows that come in, batch by batch, for one layer or several; one batch is read while the next is on the queue. */
class Rows {
  readonly #encode: EncodeLayers;
  readonly #features: Float32Array[][] = [];
  readonly #labels: Int32Array[] = [];
  readonly #indices: Int32Array[] = [];
  #reading: Promise<void> = Promise.resolve();
  /** Of each layer, without the pictures' axis. */
  #shapes: (readonly number[])[] = [];
  /** Rows so far. */
  count = 0;

  constructor(encode: EncodeLayers) {
    this.#encode = encode;
  }

  /** Enqueues a batch and waits for the one before. */
  async add(batch: ImageBatch): Promise<void> {
    const [images] = batch.views;
    if (images === undefined || batch.indices.length === 0) return;
    const embedded = await Promise.all(this.#encode(images));
    this.#shapes = embedded.map(({ shape }) => shape.slice(1));
    this.count += batch.indices.length;
    this.#labels.push(batch.labels);
    this.#indices.push(batch.indices);
    const reading = this.#read(embedded);
    reading.catch(() => undefined);
    const before = this.#reading;
    this.#reading = reading;
    await before;
  }

  async #read(embedded: readonly Tensor[]): Promise<void> {
    this.#features.push((await Promise.all(embedded.map((layer) => layer.data()))) as Float32Array[]);
    for (const layer of embedded) layer.dispose();
  }

  async gather(): Promise<{ features: NdArray<Float32Array>[]; labels: Int32Array; indices: Int32Array }> {
    await this.#reading;
    const widths = this.#shapes.map((shape) => shape.reduce((product, size) => product * size, 1));
    const features = widths.map((width) => new Float32Array(this.count * width));
    const labels = new Int32Array(this.count);
    const indices = new Int32Array(this.count);
    let row = 0;
    for (const [batch, numbers] of this.#indices.entries()) {
      for (const [layer, data] of features.entries())
        data.set(this.#features[batch]![layer]!, row * widths[layer]!);
      labels.set(this.#labels[batch]!, row);
      indices.set(numbers, row);
      row += numbers.length;
    }
    return {
      features: features.map((data, layer) => ndarray(data, [this.count, ...this.#shapes[layer]!])),
      labels,
      indices,
    };
  }
}
