import type { ImageBatch } from "@splitmask/augmentation";
import { type MixupOptions, mixup } from "@splitmask/augmentation";
import { slice, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ImageLoader } from "./imageLoader.js";
import { sliceImageBatch } from "./sliceImageBatch.js";

/** A batch whose pictures are mixed with each other. */
export interface MixedImageBatch extends ImageBatch {
  /**
   * B×classes: how much of each class a picture shows; rows sum to 1. `labels` are those of the pictures before they
   * were mixed.
   */
  readonly targets: Tensor;
}

/** Options of `MixedBatches`. */
export interface MixedBatchesOptions {
  /** Where the batches live. */
  readonly device: Device;
  /** Random batches with one view. It is closed with this object. */
  readonly loader: ImageLoader;
  /** What is mixed how. */
  readonly mixup: MixupOptions;
  /** What the draws depend on, beside the step. */
  readonly seed: number;
}

/**
 * mixup and CutMix over the batches of a loader: a batch is a function of (seed, step) alone. The whole batch is mixed
 * before it is cut in micro-batches, so that these take the same step.
 */
export class MixedBatches {
  /** Pictures a batch. */
  readonly batchSize: number;
  /** How many batches one pass over the data has. */
  readonly batchesPerEpoch: number;
  readonly #options: MixedBatchesOptions;

  /** @throws RangeError If a batch has an odd number of pictures: picture i is mixed with picture B − 1 − i. */
  constructor(options: MixedBatchesOptions) {
    const { loader } = options;
    if (loader.batchSize % 2 !== 0) {
      throw new RangeError(
        `MixedBatches: a batch has ${loader.batchSize} pictures; ` +
          "picture i is mixed with picture B − 1 − i, so that their number must be even.",
      );
    }
    this.#options = options;
    this.batchSize = loader.batchSize;
    this.batchesPerEpoch = loader.batchesPerEpoch;
  }

  /**
   * The mixed batch of a step, counted from 0. The caller owns the tensors.
   *
   * @throws RangeError (rejects) If a picture has no label.
   */
  async batch(step: number): Promise<MixedImageBatch> {
    const { device, loader, seed } = this.#options;
    const batch = await loader.batch(step);
    const [view] = batch.views;
    const unlabelled = batch.labels.findIndex((label) => label < 0);
    if (unlabelled >= 0) {
      const [path] = loader.samples({ ...batch, indices: batch.indices.subarray(unlabelled) });
      loader.release(batch);
      throw new RangeError(`MixedBatches: ${path} has no label. Leave such pictures out with subset().`);
    }
    const labels = tensor(device, Int32Array.from(batch.labels));
    const { images, targets } = mixup(view!, labels, this.#options.mixup, { seed, step });
    labels.dispose();
    loader.release(batch);
    return { views: [images], labels: batch.labels, indices: batch.indices, targets };
  }

  /** The pictures `start` … `end` − 1 of a batch. They share the batch's memory. */
  slice(batch: MixedImageBatch, start: number, end: number): MixedImageBatch {
    return { ...sliceImageBatch(batch, start, end), targets: slice(batch.targets, 0, start, end) };
  }

  /** The paths of a batch's pictures. */
  samples(batch: MixedImageBatch): string[] {
    return this.#options.loader.samples(batch);
  }

  /** The pictures that were left out so far because they could not be decoded, and why. */
  skipped(): ReturnType<ImageLoader["skipped"]> {
    return this.#options.loader.skipped();
  }

  /** Gives a batch's tensors back, sooner than the garbage collector would. */
  release(batch: MixedImageBatch): void {
    this.#options.loader.release(batch);
    batch.targets.dispose();
  }

  /** Closes the loader. */
  close(): void {
    this.#options.loader.close();
  }
}
