import { empty, RandomStream, type Tensor } from "@splitmask/autograd";
import {
  type BufferArgument,
  type Device,
  pictureFilters,
  pictureOperationNumbers,
} from "@splitmask/kernels";
import type { Augmentation, AugmentationPlan } from "./augmentation.js";
import { writeOperation } from "./operations.js";

/** One number a channel: red, green, blue; of other pictures, as many as they have channels. */
export type ChannelNumbers = readonly number[];

/** In which size and scale a batch is wanted: values are (pixel / 255 − mean) / std. */
export interface View {
  /** Rows and columns in pixels. */
  readonly size: number;
  /** Subtracted, by channel. */
  readonly mean: ChannelNumbers;
  /** Divided by, by channel. */
  readonly std: ChannelNumbers;
  /**
   * What happens to the pictures of this view alone, from draws of its own: another crop, other colors (multi-crop).
   * Default: the batch's augmentation, whose plan all such views share, so that they show the same crop, flips and
   * colors.
   */
  readonly augmentation?: Augmentation;
}

/** Some pictures on the device. */
export interface ImageBatch {
  /**
   * One tensor B×C×size×size (float32) a view, in the order of the views; those without an augmentation of their own
   * show the same crop, flips and colors.
   */
  readonly views: readonly Tensor[];
  /** The class of each picture; −1 without one. */
  readonly labels: Int32Array;
  /** Which picture of the data set each one is. */
  readonly indices: Int32Array;
}

/** A decoded picture on the device, H×W×C uint8. */
export interface DevicePicture extends BufferArgument {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/** What the draws of a picture depend on. */
export interface PictureKey {
  /** The run's seed. */
  readonly seed: number;
  /** The epoch. Default 0. */
  readonly step?: number;
  /** The picture. */
  readonly sample: number;
  /** Which of several draws for the same picture in an epoch (repeated augmentation). Default 0. */
  readonly repeat?: number;
}

/**
 * Checks views.
 *
 * @param channels Channels of the pictures. Default 3.
 * @throws RangeError If there are none, a size is no whole number above 0, or a number of mean or std is not finite or
 * a std is 0.
 */
export function checkViews(what: string, views: readonly View[], channels = 3): void {
  if (views.length === 0)
    throw new RangeError(`${what}: there are no views; expected at least one { size, mean, std }.`);
  const many = channels === 3 ? "three" : channels;
  views.forEach(({ size, mean, std }, index) => {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(
        `${what}: the size of view ${index} is ${size}; expected a whole number of pixels.`,
      );
    }
    const numbers = [...mean, ...std];
    const complete = mean.length === channels && std.length === channels;
    if (!complete || !numbers.every(Number.isFinite) || !std.every((value) => value > 0)) {
      const example = channels === 3 ? ", e.g. IMAGENET_MEAN and IMAGENET_STD" : ": one a channel";
      throw new RangeError(
        `${what}: view ${index} has mean [${mean.join(", ")}] and std [${std.join(", ")}]; ` +
          `expected ${many} finite numbers each, std above 0${example}.`,
      );
    }
  });
}

/** What `augmentViews` makes views of. */
export interface ViewRequest {
  /** Where the pictures are. */
  readonly device: Device;
  /** The decoded pictures. */
  readonly pictures: readonly DevicePicture[];
  /** What the draws of each picture depend on. */
  readonly keys: readonly PictureKey[];
  /** What is wanted. */
  readonly views: readonly View[];
  /** What happens to views without an augmentation of their own. */
  readonly augmentation: Augmentation;
}

/**
 * All views of a batch: plans are drawn with the key (seed, "augment", epoch, picture); those of a view with an
 * augmentation of its own with the purpose "augment.view1" (its place), those of a repetition with ".repeat1" behind
 * it.
 */
export function augmentViews({ device, pictures, keys, views, augmentation }: ViewRequest): Tensor[] {
  const plansOf = (rule: Augmentation, purpose: string): AugmentationPlan[] =>
    pictures.map(({ height, width }, place) => {
      const { repeat = 0, ...key } = keys[place]!;
      const repeated = repeat === 0 ? purpose : `${purpose}.repeat${repeat}`;
      return rule.plan(height, width, new RandomStream({ ...key, purpose: repeated }));
    });
  let shared: AugmentationPlan[] | undefined;
  const referenceSize = views.find((view) => view.augmentation === undefined)?.size;
  return views.map((view, place) => {
    if (view.augmentation !== undefined) {
      return augmentPictures(device, pictures, plansOf(view.augmentation, `augment.view${place}`), view);
    }
    shared ??= plansOf(augmentation, "augment");
    return augmentPictures(device, pictures, shared, view, referenceSize);
  });
}

/**
 * Carries plans out: one kernel call. Returns B×C×size×size.
 *
 * @param referenceSize Size of the view for which lengths in pixels were meant. Default: this view's.
 */
export function augmentPictures(
  device: Device,
  pictures: readonly DevicePicture[],
  plans: readonly AugmentationPlan[],
  view: View,
  referenceSize: number = view.size,
): Tensor {
  const { size, mean, std } = view;
  const channels = mean.length;
  const output = empty(device, [pictures.length, channels, size, size], "float32");
  const at = { size, referenceSize, channels };
  const rows = plans.flatMap(({ operations = [] }) => operations.map((row) => writeOperation(row, at)));
  const numbers = new Float64Array(2 * channels + pictureOperationNumbers * rows.length);
  numbers.set([...mean, ...std]);
  rows.forEach((row, place) => {
    numbers.set(row, 2 * channels + pictureOperationNumbers * place);
  });
  const buffer = device.allocate(numbers.byteLength);
  device.upload({ buffer, byteOffset: 0 }, numbers, { copy: false });
  let firstOperation = 0;
  device.run("augmentImages", "float32", {
    output,
    normalization: { buffer, byteOffset: 0 },
    operations: rows.length === 0 ? null : { buffer, byteOffset: 16 * channels },
    outputHeight: size,
    outputWidth: size,
    channels,
    operationRows: rows.length,
    each: pictures.map((picture, index) => {
      const plan = plans[index]!;
      const operations = plan.operations?.length ?? 0;
      const { height, width } = picture;
      const { cropY, cropX, cropHeight, cropWidth } = plan;
      const item = {
        ...{ picture, height, width, cropY, cropX, cropHeight, cropWidth },
        filter: pictureFilters[plan.interpolation ?? "bicubic"],
        confined: plan.confined ? 1 : 0,
        horizontalFlip: plan.flip ? 1 : 0,
        verticalFlip: plan.verticalFlip ? 1 : 0,
        ...{ firstOperation, operations },
      };
      firstOperation += operations;
      return item;
    }),
  });
  buffer.release();
  return output;
}
