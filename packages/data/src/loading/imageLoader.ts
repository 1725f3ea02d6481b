import type { Augmentation } from "@splitmask/augmentation";
import {
  augmentViews,
  checkViews,
  type ImageBatch,
  randomResizedCrop,
  type View,
} from "@splitmask/augmentation";
import type { Device } from "@splitmask/kernels";
import type { PictureCache } from "../cache/pictureCache.js";
import { PictureError, type SkippedPicture } from "../decoding/pictureError.js";
import type { ImageDataset } from "../imageDataset.js";
import { defaultWorkers } from "./decodeQueue.js";
import { defaultDecodeSize } from "./decodeSize.js";
import type { HeldPicture } from "./heldPicture.js";
import { type EpochOrder, epochOrder } from "./order.js";
import { defaultCacheBytes, PictureStore } from "./pictureStore.js";
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
   * Pictures whose short side is more than 1.5 times as long are reduced to so many pixels before they are cut and
   * kept; null: never. Default: twice the largest view, so that a crop of a
   * quarter of the area is not enlarged, while photographs of several megapixels do not fill the cache. Changes the
   * pixels of the batches, so it does not depend on memory.
   */
  readonly decodeSize?: number | null;
  /**
   * Bytes of decoded pictures that are kept in memory. Default: a third of what is free; 0: none. Never changes a
   * batch.
   */
  readonly cacheBytes?: number;
  /**
   * The pictures on disk, mapped: then nothing is decoded or kept in memory. Made with the same data set and
   * `decodeSize`. Never changes a batch.
   */
  readonly cache?: PictureCache;
  /**
   * Pictures that are decoded at the same time. Default: twice the cores, at most libuv's threads
   * (`UV_THREADPOOL_SIZE`, 4). Never changes a batch.
   */
  readonly workers?: number;
  /** Batches that are decoded ahead of the one asked for. Default 2. Never changes a batch. */
  readonly readAhead?: number;
  /**
   * Bytes of decoded pictures that may wait for batches that are read ahead; one batch is decoded however large it is.
   * Default 256 MiB. Never changes a batch.
   */
  readonly readAheadBytes?: number;
  /**
   * Groups of a data set with `groups` (shards, row groups) among which pictures are mixed: so many, or twice as many,
   * are read at a time. Default 4.
   */
  readonly groupWindow?: number;
  /**
   * Repeated augmentation: how often each picture comes in a row, augmented anew each time (DeiT: 3); an epoch then
   * sees one picture in so many. Default 1.
   */
  readonly repeats?: number;
  /** Aborting it closes the loader. */
  readonly signal?: AbortSignal;
  /** Whether an epoch leaves out the last pictures that do not fill a batch. Default true. */
  readonly dropLast?: boolean;
}

interface Slot {
  /** The picture that the order names. */
  readonly planned: number;
  /** Which of its repetitions this is. */
  readonly repeat: number;
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
 * Random batches for training. Each epoch goes through all pictures in a new order. A batch is a function of (seed,
 * step) alone: the number of workers, the cache and where a
 * run was resumed do not matter. Decoding runs ahead on other threads; neither the event loop nor the training step
 * waits for it while it keeps up. A bad picture is
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
  /** The orders of the last two epochs: at the turn of an epoch both are read. */
  readonly #orders = new Map<number, EpochOrder>();
  /**
   * Gives up what is waited for. A set rather than a promise that all of it races with: that promise would hold every
   * batch until it settles.
   */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #onAbort: (() => void) | null = null;
  /** Why it was closed; null while it is open. */
  #closed: { readonly reason: unknown } | null = null;

  /**
   * @throws RangeError If the data set has fewer pictures than a batch, or a number is out of its range.
   */
  constructor(options: ImageLoaderOptions) {
    const { dataset, device, batchSize, views, augmentation = randomResizedCrop() } = options;
    const { cacheBytes = defaultCacheBytes(), workers = defaultWorkers(), cache, signal } = options;
    const {
      readAhead = 2,
      readAheadBytes = 256 << 20,
      dropLast = true,
      groupWindow = 4,
      repeats = 1,
    } = options;
    checkWhole("batchSize", batchSize, 1);
    checkWhole("workers", workers, 1);
    checkWhole("readAhead", readAhead, 0);
    checkWhole("groupWindow", groupWindow, 1);
    checkWhole("repeats", repeats, 1);
    checkViews("ImageLoader", views, dataset.channels);
    if (!(cacheBytes >= 0)) {
      throw new RangeError(`ImageLoader: cacheBytes is ${cacheBytes}; expected 0 or more bytes.`);
    }
    if (!(readAheadBytes >= 0)) {
      throw new RangeError(`ImageLoader: readAheadBytes is ${readAheadBytes}; expected 0 or more bytes.`);
    }
    if (dataset.length === 0) {
      throw new RangeError("ImageLoader: the data set is empty; expected at least one picture.");
    }
    if (dropLast && dataset.length < batchSize) {
      throw new RangeError(
        `ImageLoader: the batch size is ${batchSize}, but there are only ${dataset.length} pictures. ` +
          `Lower it to at most ${dataset.length}, add pictures, or set dropLast: false for smaller batches.`,
      );
    }
    this.decodeSize = options.decodeSize === undefined ? defaultDecodeSize(views) : options.decodeSize;
    if (this.decodeSize !== null) checkWhole("decodeSize", this.decodeSize, 1);
    const batches = dataset.length / batchSize;
    this.batchesPerEpoch = dropLast ? Math.floor(batches) : Math.ceil(batches);
    this.batchSize = batchSize;
    this.#options = options;
    this.#augmentation = augmentation;
    this.#readAhead = readAhead;
    const { decodeSize } = this;
    this.#store = new PictureStore({
      dataset,
      device,
      decodeSize,
      cacheBytes,
      workers,
      readAheadBytes,
      cache,
    });
    if (signal?.aborted) this.#close(signal.reason);
    else if (signal !== undefined) {
      this.#onAbort = () => this.#close(signal.reason);
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
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
   * The batch of a step, counted from 0 through all epochs; the batches after it are read ahead. The caller owns the
   * tensors.
   *
   * @throws RangeError (rejects) If the step is no whole number from 0 on.
   * @throws Error (rejects) If no picture can be decoded, or the loader was closed; the signal's reason, if it was
   *   aborted.
   */
  async batch(step: number): Promise<ImageBatch> {
    checkWhole("step", step, 0);
    if (this.#closed !== null) throw this.#closed.reason;
    for (const [prepared, slots] of this.#prepared) {
      if (prepared >= step && prepared <= step + this.#readAhead) continue;
      this.#prepared.delete(prepared);
      slots.then(releaseAll, () => undefined);
      this.#store.cancel(prepared);
    }
    const pending = this.#prepare(step);
    for (let ahead = 1; ahead <= this.#readAhead; ahead++) this.#prepare(step + ahead);
    this.#prepared.delete(step);
    this.#store.want(step);
    const slots = await this.#untilClosed(pending)
      .catch((error) => {
        pending.then(releaseAll, () => undefined);
        throw error;
      })
      .finally(() => this.#store.unwant(step));
    const { dataset, device, seed, views } = this.#options;
    const epoch = Math.floor(step / this.batchesPerEpoch);
    try {
      const pictures = slots.map(({ picture }) => picture);
      const keys = slots.map(({ planned, repeat }) => ({ seed, step: epoch, sample: planned, repeat }));
      return {
        views: augmentViews({ device, pictures, keys, views, augmentation: this.#augmentation }),
        labels: Int32Array.from(slots, ({ index }) => dataset.label(index)),
        indices: Int32Array.from(slots, ({ index }) => index),
      };
    } finally {
      releaseAll(slots);
    }
  }

  /** The paths of a batch's pictures. */
  samples(batch: ImageBatch): string[] {
    return Array.from(batch.indices, (index) => this.#options.dataset.path(index));
  }

  /** Gives a batch's tensors back, sooner than the garbage collector would. */
  release(batch: ImageBatch): void {
    for (const view of batch.views) view.dispose();
  }

  /**
   * Gives the kept pictures and what was read ahead back. What is not decoded yet is given up, and batches that are
   * waited for, or asked for later, reject at once.
   */
  close(): void {
    this.#close(new Error("ImageLoader: it was closed."));
  }

  #close(reason: unknown): void {
    if (this.#closed !== null) return;
    this.#closed = { reason };
    if (this.#onAbort !== null) this.#options.signal?.removeEventListener("abort", this.#onAbort);
    for (const reject of this.#waiting) reject(reason);
    for (const slots of this.#prepared.values()) slots.then(releaseAll, () => undefined);
    this.#prepared.clear();
    this.#store.close();
  }

  /** What a promise resolves to; rejects as soon as the loader is closed. */
  async #untilClosed<Value>(promise: Promise<Value>): Promise<Value> {
    let giveUp: (reason: unknown) => void = () => undefined;
    try {
      return await new Promise<Value>((resolve, reject) => {
        giveUp = reject;
        this.#waiting.add(giveUp);
        promise.then(resolve, reject);
      });
    } finally {
      this.#waiting.delete(giveUp);
    }
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
    const { repeats = 1 } = this.#options;
    const planned = await this.#orderOf(epoch).slice(first, this.batchSize);
    const arrivals = await Promise.allSettled(
      Array.from(planned, async (index, place) => ({
        ...(await this.#fetchGood(index, step)),
        repeat: (first + place) % repeats,
      })),
    );
    const slots = arrivals.flatMap((arrival) => (arrival.status === "fulfilled" ? [arrival.value] : []));
    const failure = arrivals.find((arrival) => arrival.status === "rejected");
    if (failure !== undefined) {
      releaseAll(slots);
      throw failure.reason;
    }
    return slots;
  }

  /** The planned picture, or the first good one after it. */
  async #fetchGood(planned: number, step: number): Promise<Omit<Slot, "repeat">> {
    const { length } = this.#options.dataset;
    for (let offset = 0; offset < length; offset++) {
      const index = (planned + offset) % length;
      try {
        return { planned, index, picture: await this.#store.get(index, step) };
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
      }
    }
    const [example] = this.#store.skipped();
    throw new Error(
      `ImageLoader: none of the ${length} pictures can be decoded, e.g. ${example?.path}: ` +
        `${example?.reason}. Check that the files are whole and are pictures.`,
    );
  }

  #orderOf(epoch: number): EpochOrder {
    let order = this.#orders.get(epoch);
    if (order === undefined) {
      const { dataset, seed, groupWindow, repeats } = this.#options;
      order = epochOrder({
        length: dataset.length,
        groups: dataset.groups,
        seed,
        epoch,
        groupWindow,
        repeats,
      });
      this.#orders.set(epoch, order);
      for (const old of [...this.#orders.keys()].slice(0, -2)) this.#orders.delete(old);
    }
    return order;
  }
}

function releaseAll(slots: readonly { readonly picture: HeldPicture }[]): void {
  for (const { picture } of slots) picture.release();
}
