import { empty, type Tensor } from "@splitmask/autograd";
import type { BufferArgument, Device } from "@splitmask/kernels";
import type { AugmentationPlan } from "./augmentation.js";

/** One number a channel: red, green, blue. */
export type ChannelNumbers = readonly [number, number, number];

/** In which size and scale a batch is wanted: values are (pixel / 255 − mean) / std. */
export interface View {
  /** Rows and columns in pixels. */
  readonly size: number;
  /** Subtracted, by channel. */
  readonly mean: ChannelNumbers;
  /** Divided by, by channel. */
  readonly std: ChannelNumbers;
}

/** Some pictures on the device. */
export interface ImageBatch {
  /** One tensor B×3×size×size (float32) a view, in the order of the views; all show the same crop and flip. */
  readonly views: readonly Tensor[];
  /** The class of each picture; −1 without one. */
  readonly labels: Int32Array;
  /** Which picture of the data set each one is. */
  readonly indices: Int32Array;
}

/** A decoded picture on the device, H×W×3 uint8. */
export interface DevicePicture extends BufferArgument {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/**
 * Checks views.
 *
 * @throws RangeError If there are none, a size is no whole number above 0, or a number of mean or std is not finite or a std is 0.
 */
export function checkViews(what: string, views: readonly View[]): void {
  if (views.length === 0)
    throw new RangeError(`${what}: there are no views; expected at least one { size, mean, std }.`);
  views.forEach(({ size, mean, std }, index) => {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(
        `${what}: the size of view ${index} is ${size}; expected a whole number of pixels.`,
      );
    }
    const numbers = [...mean, ...std];
    if (numbers.length !== 6 || !numbers.every(Number.isFinite) || !std.every((value) => value > 0)) {
      throw new RangeError(
        `${what}: view ${index} has mean [${mean.join(", ")}] and std [${std.join(", ")}]; expected three finite numbers each, std above 0, e.g. IMAGENET_MEAN and IMAGENET_STD.`,
      );
    }
  });
}

/** Cuts, resizes, mirrors and normalises a batch: one kernel call. Returns B×3×size×size. */
export function augmentPictures(
  device: Device,
  pictures: readonly DevicePicture[],
  plans: readonly AugmentationPlan[],
  view: View,
): Tensor {
  const { size, mean, std } = view;
  const output = empty(device, [pictures.length, 3, size, size], "float32");
  device.run("augmentImages", "float32", {
    output,
    outputHeight: size,
    outputWidth: size,
    filter: 0,
    mean0: mean[0],
    mean1: mean[1],
    mean2: mean[2],
    std0: std[0],
    std1: std[1],
    std2: std[2],
    each: pictures.map((picture, index) => {
      const { cropY, cropX, cropHeight, cropWidth, flip } = plans[index]!;
      const { height, width } = picture;
      return { picture, height, width, cropY, cropX, cropHeight, cropWidth, flip: flip ? 1 : 0 };
    }),
  });
  return output;
}
