import { availableParallelism } from "node:os";
import type { Device } from "@splitmask/kernels";
import type { Augmentation } from "../augmentation/augmentation.js";
import { centerCrop } from "../augmentation/crops.js";
import { augmentViews, checkViews, type ImageBatch, type View } from "../augmentation/imageBatch.js";
import { type ImageDataset, PictureError, type SkippedPicture } from "../imageDataset.js";
import { type HeldPicture, PictureStore } from "./pictureStore.js";

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
  /** Pictures whose short side is more than 1.5 times as long are reduced to so many pixels first; null: never. Default: twice the largest view. */
  readonly decodeSize?: number | null;
  /** Pictures that are decoded at the same time. Default: the cores, at most 4. */
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
    const { device, views, seed = 0, workers = Math.min(4, availableParallelism()) } = this.#options;
    const { augmentation = centerCrop(), decodeSize = 2 * Math.max(...views.map(({ size }) => size)) } =
      this.#options;
    const dataset = this.#dataset;
    const store = new PictureStore({ dataset, device, decodeSize, cacheBytes: 0, workers });
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
      next.then(
        (slots) => {
          for (const { picture } of slots) picture.release();
        },
        () => undefined,
      );
    }
  }

  async #fetch(store: PictureStore, number: number): Promise<{ index: number; picture: HeldPicture }[]> {
    const first = number * this.#options.batchSize;
    const count = Math.min(this.#options.batchSize, this.#dataset.length - first);
    const arrivals = await Promise.all(
      Array.from({ length: count }, async (_, place) => {
        const index = first + place;
        try {
          return { index, picture: await store.get(index) };
        } catch (error) {
          if (!(error instanceof PictureError)) throw error;
          this.#skipped.set(error.path, error.reason);
          return null;
        }
      }),
    );
    return arrivals.filter((slot) => slot !== null);
  }
}

/**
 * The pictures of a data set in order, each once, for evaluation. A bad picture is left out (`indices` of the batches tell which are there) and named by `skipped()`.
 *
 * @throws RangeError If the batch size or a view is out of its range.
 */
export function orderedBatches(dataset: ImageDataset, options: OrderedBatchesOptions): OrderedBatches {
  return new OrderedBatches(dataset, options);
}
