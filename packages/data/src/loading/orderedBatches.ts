import type { Augmentation } from "@splitmask/augmentation";
import { augmentViews, centerCrop, checkViews, type ImageBatch, type View } from "@splitmask/augmentation";
import type { Device } from "@splitmask/kernels";
import type { PictureCache } from "../cache/pictureCache.js";
import { PictureError, type SkippedPicture } from "../decoding/pictureError.js";
import type { ImageDataset } from "../imageDataset.js";
import { defaultWorkers } from "./decodeQueue.js";
import { defaultDecodeSize } from "./decodeSize.js";
import type { HeldPicture } from "./heldPicture.js";
import { PictureStore } from "./pictureStore.js";

/** Options of `orderedBatches`. */
export interface OrderedBatchesOptions {
  /** Where the batches go. */
  readonly device: Device;
  /** Pictures a batch; the last batch holds what is left. */
  readonly batchSize: number;
  /** In which sizes and scales each batch is wanted. */
  readonly views: readonly View[];
  /** What happens to each picture. Default `centerCrop()`. */
  readonly augmentation?: Augmentation;
  /** What an augmentation with chance depends on. Default 0. */
  readonly seed?: number;
  /**
   * Pictures whose short side is more than 1.5 times as long are reduced to so many pixels first; null: never. Default:
   * twice the largest view.
   */
  readonly decodeSize?: number | null;
  /** The pictures on disk, mapped. Made with the same data set and `decodeSize`. */
  readonly cache?: PictureCache;
  /**
   * Pictures that are decoded at the same time. Default: twice the cores, at most libuv's threads
   * (`UV_THREADPOOL_SIZE`, 4).
   */
  readonly workers?: number;
}

/** The pictures of a data set in order, each once. Made by `orderedBatches`. */
export class OrderedBatches implements AsyncIterable<ImageBatch> {
  /** How many batches there are; fewer come if whole batches of pictures are bad. */
  readonly length: number;
  readonly #dataset: ImageDataset;
  readonly #options: OrderedBatchesOptions;
  readonly #skipped = new Map<string, string>();

  /** @internal Use `orderedBatches`. */
  constructor(dataset: ImageDataset, options: OrderedBatchesOptions) {
    const { batchSize, views } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(`orderedBatches: batchSize is ${batchSize}; expected a whole number, at least 1.`);
    }
    checkViews("orderedBatches", views, dataset.channels);
    this.#dataset = dataset;
    this.#options = options;
    this.length = Math.ceil(dataset.length / batchSize);
  }

  /** The pictures that were left out so far because they could not be decoded, and why. */
  skipped(): SkippedPicture[] {
    return Array.from(this.#skipped, ([path, reason]) => ({ path, reason }));
  }

  /** The batches from the first on; the next one is decoded while one is used. The caller owns the tensors. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ImageBatch, void, undefined> {
    const { device, views, seed = 0, workers = defaultWorkers(), cache } = this.#options;
    const { augmentation = centerCrop(), decodeSize = defaultDecodeSize(views) } = this.#options;
    const dataset = this.#dataset;
    const store = new PictureStore({ dataset, device, decodeSize, cacheBytes: 0, workers, cache });
    let next = this.#fetch(store, 0);
    try {
      for (let number = 0; number < this.length; number++) {
        const slots = await next;
        next = number + 1 < this.length ? this.#fetch(store, number + 1) : Promise.resolve([]);
        next.catch(() => undefined); // it is reported when its turn comes
        if (slots.length === 0) continue;
        const pictures = slots.map(({ picture }) => picture);
        const keys = slots.map(({ index }) => ({ seed, sample: index }));
        const batch: ImageBatch = {
          views: augmentViews({ device, pictures, keys, views, augmentation }),
          labels: Int32Array.from(slots, ({ index }) => dataset.label(index)),
          indices: Int32Array.from(slots, ({ index }) => index),
        };
        for (const { picture } of slots) picture.release();
        yield batch;
      }
    } finally {
      store.close(); // gives up what is not decoded yet
      next.then(
        (slots) => {
          for (const { picture } of slots) picture.release();
        },
        () => undefined,
      );
    }
  }

  /** The good pictures of a batch. */
  async #fetch(store: PictureStore, number: number): Promise<{ index: number; picture: HeldPicture }[]> {
    const first = number * this.#options.batchSize;
    const count = Math.min(this.#options.batchSize, this.#dataset.length - first);
    const arrivals = await Promise.allSettled(
      Array.from({ length: count }, async (_, place) => ({
        index: first + place,
        picture: await store.get(first + place, number),
      })),
    );
    const slots = arrivals.flatMap((arrival) => (arrival.status === "fulfilled" ? [arrival.value] : []));
    for (const arrival of arrivals) {
      if (arrival.status === "fulfilled") continue;
      if (!(arrival.reason instanceof PictureError)) {
        for (const { picture } of slots) picture.release();
        throw arrival.reason;
      }
      this.#skipped.set(arrival.reason.path, arrival.reason.reason);
    }
    return slots;
  }
}

/**
 * The pictures of a data set in order, each once, for evaluation. A bad picture is left out (`indices` of the batches
 * tell which are there) and named by `skipped()`.
 *
 * @throws RangeError If the batch size or a view is out of its range.
 */
export function orderedBatches(dataset: ImageDataset, options: OrderedBatchesOptions): OrderedBatches {
  return new OrderedBatches(dataset, options);
}
