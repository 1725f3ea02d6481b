import { availableParallelism } from "node:os";
import { RandomStream } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type Augmentation, randomResizedCrop } from "../augmentation/augmentation.js";
import { augmentPictures, checkViews, type ImageBatch, type View } from "../augmentation/imageBatch.js";
import { type ImageDataset, PictureError, type SkippedPicture } from "../imageDataset.js";
import { defaultCacheBytes, type HeldPicture, PictureStore } from "./pictureStore.js";
import { sliceImageBatch } from "./sliceImageBatch.js";

/** Options of `ImageLoader`. */
export interface ImageLoaderOptions {
  /** Where the pictures come from. */
  readonly dataset: ImageDataset;
  /** Where the batches go. */
  readonly device: Device;
  /** Pictures a batch. */
  readonly batchSize: number;
  /** In which sizes and scales each batch is wanted. */
  readonly views: readonly View[];
  /** What order, crops and flips depend on, a whole number from 0 to 2³² − 1. */
  readonly seed: number;
  /** What happens to each picture. Default `randomResizedCrop()`. */
  readonly augmentation?: Augmentation;
  /**
   * Pictures whose short side is more than 1.5 times as long are reduced to so many pixels before they are cut and kept; null: never. Default: twice the largest view, so that a crop of a
   * quarter of the area is not enlarged, while photographs of several megapixels do not fill the cache. Changes the pixels of the batches, so it does not depend on memory.
   */
  readonly decodeSize?: number | null;
  /** Bytes of decoded pictures that are kept in memory. Default: a third of what is free; 0: none. Never changes a batch. */
  readonly cacheBytes?: number;
  /** Pictures that are decoded at the same time. Default: the cores, at most 4. Never changes a batch. */
  readonly workers?: number;
  /** Batches that are decoded ahead of the one asked for. Default 2. Never changes a batch. */
  readonly readAhead?: number;
  /** Whether an epoch leaves out the last pictures that do not fill a batch. Default true. */
  readonly dropLast?: boolean;
}

interface Slot {
  /** The picture that the order names. */
  readonly planned: number;
  /** The picture that is there: the planned one, or the next good one. */
  readonly index: number;
  readonly picture: HeldPicture;
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`ImageLoader: ${name} is ${value}; expected a whole number, at least ${least}.`);
  }
}

/**
 * Random batches for training. Each epoch goes through all pictures in a new order. A batch is a function of (seed, step) alone: the number of workers, the cache and where a
 * run was resumed do not matter. Decoding runs ahead on other threads; neither the event loop nor the training step waits for it while it keeps up. A bad picture is
 * replaced by the next good one of the data set, and named by `skipped()`.
 */
export class ImageLoader {
  /** How many batches one pass over the data has. */
  readonly batchesPerEpoch: number;
  /** Pictures a batch. */
  readonly batchSize: number;
  /** The short side to which pictures are reduced; null: full size. */
  readonly decodeSize: number | null;
  readonly #options: ImageLoaderOptions;
  readonly #augmentation: Augmentation;
  readonly #store: PictureStore;
  readonly #readAhead: number;
  readonly #prepared = new Map<number, Promise<Slot[]>>();
  #order: { epoch: number; indices: Promise<Int32Array> } | null = null;

  /**
   * @throws RangeError If the data set has fewer pictures than a batch, or a number is out of its range.
   */
  constructor(options: ImageLoaderOptions) {
    const { dataset, device, batchSize, views, augmentation = randomResizedCrop() } = options;
    const { cacheBytes = defaultCacheBytes(), workers = Math.min(4, availableParallelism()) } = options;
    const { readAhead = 2, dropLast = true } = options;
    checkWhole("batchSize", batchSize, 1);
    checkWhole("workers", workers, 1);
    checkWhole("readAhead", readAhead, 0);
    checkViews("ImageLoader", views);
    if (!(cacheBytes >= 0)) {
      throw new RangeError(`ImageLoader: cacheBytes is ${cacheBytes}; expected 0 or more bytes.`);
    }
    if (dataset.length === 0) {
      throw new RangeError("ImageLoader: the data set is empty; expected at least one picture.");
    }
    if (dropLast && dataset.length < batchSize) {
      throw new RangeError(
        `ImageLoader: the batch size is ${batchSize}, but there are only ${dataset.length} pictures. Lower it to at most ${dataset.length}, add pictures, or set dropLast: false for smaller batches.`,
      );
    }
    this.decodeSize =
      options.decodeSize === undefined ? 2 * Math.max(...views.map(({ size }) => size)) : options.decodeSize;
    if (this.decodeSize !== null) checkWhole("decodeSize", this.decodeSize, 1);
    const batches = dataset.length / batchSize;
    this.batchesPerEpoch = dropLast ? Math.floor(batches) : Math.ceil(batches);
    this.batchSize = batchSize;
    this.#options = options;
    this.#augmentation = augmentation;
    this.#readAhead = readAhead;
    this.#store = new PictureStore({ dataset, device, decodeSize: this.decodeSize, cacheBytes, workers });
  }

  /** The pictures that were left out so far because they could not be decoded, and why. */
  skipped(): SkippedPicture[] {
    return this.#store.skipped();
  }

  /** The pictures `start` … `end` − 1 of a batch, as `sliceImageBatch`. */
  slice(batch: ImageBatch, start: number, end: number): ImageBatch {
    return sliceImageBatch(batch, start, end);
  }

  /** How many pictures are decoded and kept in memory. */
  get keptPictures(): number {
    return this.#store.keptPictures;
  }

  /** How often a picture was decoded so far. */
  get decodes(): number {
    return this.#store.decodes;
  }

  /**
   * The batch of a step, counted from 0 through all epochs; the batches after it are read ahead. The caller owns the tensors.
   *
   * @throws RangeError (rejects) If the step is no whole number from 0 on.
   * @throws Error (rejects) If no picture can be decoded.
   */
  async batch(step: number): Promise<ImageBatch> {
    checkWhole("step", step, 0);
    for (const [prepared, slots] of this.#prepared) {
      if (prepared >= step && prepared <= step + this.#readAhead) continue;
      this.#prepared.delete(prepared);
      slots.then(releaseAll, () => undefined);
    }
    const pending = this.#prepare(step);
    for (let ahead = 1; ahead <= this.#readAhead; ahead++) this.#prepare(step + ahead);
    this.#prepared.delete(step);
    const slots = await pending;
    const { dataset, device, seed, views } = this.#options;
    const epoch = Math.floor(step / this.batchesPerEpoch);
    try {
      const plans = slots.map(({ planned, picture }) => {
        const stream = new RandomStream({ seed, purpose: "augment", step: epoch, sample: planned });
        return this.#augmentation.plan(picture.height, picture.width, stream);
      });
      const pictures = slots.map(({ picture }) => picture);
      return {
        views: views.map((view) => augmentPictures(device, pictures, plans, view)),
        labels: Int32Array.from(slots, ({ index }) => dataset.label(index)),
        indices: Int32Array.from(slots, ({ index }) => index),
      };
    } finally {
      releaseAll(slots);
    }
  }

  /** Gives a batch's tensors back, sooner than the garbage collector would. */
  release(batch: ImageBatch): void {
    for (const view of batch.views) view.dispose();
  }

  /** Gives the kept pictures and what was read ahead back. The loader may still be used; it then keeps nothing. */
  close(): void {
    for (const slots of this.#prepared.values()) slots.then(releaseAll, () => undefined);
    this.#prepared.clear();
    this.#store.close();
  }

  /** Starts to fetch the pictures of a step, once. */
  #prepare(step: number): Promise<Slot[]> {
    let slots = this.#prepared.get(step);
    if (slots === undefined) {
      slots = this.#fetch(step);
      slots.catch(() => undefined); // it is reported by the step that asks for it
      this.#prepared.set(step, slots);
    }
    return slots;
  }

  async #fetch(step: number): Promise<Slot[]> {
    const epoch = Math.floor(step / this.batchesPerEpoch);
    const first = (step % this.batchesPerEpoch) * this.batchSize;
    const planned = (await this.#orderOf(epoch)).subarray(first, first + this.batchSize);
    const arrivals = await Promise.allSettled(Array.from(planned, (index) => this.#fetchGood(index)));
    const slots = arrivals.flatMap((arrival) => (arrival.status === "fulfilled" ? [arrival.value] : []));
    const failure = arrivals.find((arrival) => arrival.status === "rejected");
    if (failure !== undefined) {
      releaseAll(slots);
      throw failure.reason;
    }
    return slots;
  }

  /** The planned picture, or the first good one after it. */
  async #fetchGood(planned: number): Promise<Slot> {
    const { length } = this.#options.dataset;
    for (let offset = 0; offset < length; offset++) {
      const index = (planned + offset) % length;
      try {
        return { planned, index, picture: await this.#store.get(index) };
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
      }
    }
    const [example] = this.#store.skipped();
    throw new Error(
      `ImageLoader: none of the ${length} pictures can be decoded, e.g. ${example?.path}: ${example?.reason}. Check that the files are whole and are pictures.`,
    );
  }

  #orderOf(epoch: number): Promise<Int32Array> {
    if (this.#order?.epoch !== epoch) {
      const { dataset, seed } = this.#options;
      const stream = new RandomStream({ seed, purpose: "shuffle", step: epoch });
      this.#order = { epoch, indices: permutationOf(dataset.length, stream) };
    }
    return this.#order.indices;
  }
}

/** The numbers 0 … count − 1 in random order (Fisher and Yates), with pauses, so that millions of them do not hold up the event loop. */
async function permutationOf(count: number, stream: RandomStream): Promise<Int32Array> {
  const order = new Int32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  for (let last = count - 1; last > 0; last--) {
    if (last % 65_536 === 0) await new Promise((resolve) => setImmediate(resolve));
    const other = stream.integer(last + 1);
    const index = order[last]!;
    order[last] = order[other]!;
    order[other] = index;
  }
  return order;
}

function releaseAll(slots: readonly { readonly picture: HeldPicture }[]): void {
  for (const { picture } of slots) picture.release();
}
