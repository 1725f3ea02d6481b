import type { RandomStream } from "@splitmask/autograd";
import type { Augmentation, AugmentationPlan } from "./augmentation.js";
import { checkProbability } from "./draws.js";

/** Options of `randomResizedCrop`. */
export interface RandomResizedCropOptions {
  /** Smallest and largest share of the picture's area that is cut out. Default [0.08, 1]. */
  readonly scale?: readonly [number, number];
  /** Smallest and largest width / height of the box. Default [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
  /** Probability of mirroring left to right. Default 0.5. */
  readonly horizontalFlip?: number;
  /**
   * Whether the box is cut out before it is resized, as torchvision does. Default false: at its border the filter reads
   * the picture's own pixels.
   */
  readonly confined?: boolean;
  /** The filter of the resize, antialiased; `"random"`: one of both, as timm's. Default bicubic. */
  readonly interpolation?: "bicubic" | "bilinear" | "random";
}

function checkRange(name: string, range: readonly [number, number], most: number): void {
  const [low, high] = range;
  if (!(low > 0 && low <= high && high <= most)) {
    throw new RangeError(
      `randomResizedCrop: ${name} is [${low}, ${high}]; ` +
        `expected two rising numbers above 0${most === Infinity ? "" : ` and at most ${most}`}.`,
    );
  }
}

/**
 * The paper's only augmentation: a random box of the picture, resized, and a random flip. torchvision's
 * `RandomResizedCrop`: area uniform in `scale`, width / height log-uniform in `ratio`, whole pixels, ten tries, then
 * the largest centered box within `ratio`.
 *
 * @throws RangeError If a range or the probability is none.
 */
export function randomResizedCrop(options: RandomResizedCropOptions = {}): Augmentation {
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], horizontalFlip = 0.5 } = options;
  const { confined = false, interpolation = "bicubic" } = options;
  checkRange("scale", scale, 1);
  checkRange("ratio", ratio, Infinity);
  checkProbability("randomResizedCrop", "horizontalFlip", horizontalFlip);
  const box = (height: number, width: number, stream: RandomStream): AugmentationPlan => {
    // First of all, so that it does not depend on the number of tries.
    const flip = stream.uniform() < horizontalFlip;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = height * width * stream.uniform(scale[0], scale[1]);
      const aspect = Math.exp(stream.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
      const cropWidth = Math.round(Math.sqrt(area * aspect));
      const cropHeight = Math.round(Math.sqrt(area / aspect));
      if (cropWidth > 0 && cropWidth <= width && cropHeight > 0 && cropHeight <= height) {
        const cropY = stream.integer(height - cropHeight + 1);
        const cropX = stream.integer(width - cropWidth + 1);
        return { cropY, cropX, cropHeight, cropWidth, flip };
      }
    }
    let cropWidth = width;
    let cropHeight = height;
    if (width / height < ratio[0]) cropHeight = Math.max(1, Math.round(width / ratio[0]));
    else if (width / height > ratio[1]) cropWidth = Math.max(1, Math.round(height * ratio[1]));
    return {
      cropY: Math.floor((height - cropHeight) / 2),
      cropX: Math.floor((width - cropWidth) / 2),
      cropHeight,
      cropWidth,
      flip,
    };
  };
  const plan = (height: number, width: number, stream: RandomStream): AugmentationPlan => {
    const found = box(height, width, stream);
    const filter =
      interpolation === "random" ? (stream.uniform() < 0.5 ? "bilinear" : "bicubic") : interpolation;
    return {
      ...found,
      ...(confined ? { confined } : {}),
      ...(filter === "bicubic" ? {} : { interpolation: filter }),
    };
  };
  return { name: `randomResizedCrop(${scale[0]}–${scale[1]})`, plan };
}

/** Options of `resizeCenterCrop`. */
export interface ResizeCenterCropOptions {
  /** Pixels of the short side after the resize. Default 256. */
  readonly resize?: number;
  /** Rows and columns that are cut out of it. Default 224. */
  readonly crop?: number;
  /** The filter of the resize, antialiased. Default bicubic. */
  readonly interpolation?: "bicubic" | "bilinear";
}

/**
 * For evaluation: the short side is resized and the middle cut out, to whole pixels as torchvision's `Resize` and
 * `CenterCrop`. A view of `crop` pixels is what they give; others show the same box.
 *
 * @throws RangeError If a number is no whole number above 0, or the crop is larger than what it is cut from.
 */
export function resizeCenterCrop(options: ResizeCenterCropOptions = {}): Augmentation {
  const { resize = 256, crop = 224, interpolation = "bicubic" } = options;
  if (!(Number.isInteger(resize) && Number.isInteger(crop) && crop >= 1 && crop <= resize)) {
    throw new RangeError(
      `resizeCenterCrop: resize is ${resize} and crop is ${crop}; ` +
        "expected whole numbers of pixels, crop at most resize.",
    );
  }
  // The box along one side, back in pixels of the picture.
  const along = (side: number, resized: number) => {
    const scale = side / resized;
    return [roundHalfToEven((resized - crop) / 2) * scale, crop * scale] as const;
  };
  const plan = (height: number, width: number): AugmentationPlan => {
    const short = Math.min(height, width);
    const [cropY, cropHeight] = along(height, Math.trunc((resize * height) / short));
    const [cropX, cropWidth] = along(width, Math.trunc((resize * width) / short));
    const filter = interpolation === "bicubic" ? {} : { interpolation };
    return { cropY, cropX, cropHeight, cropWidth, flip: false, ...filter };
  };
  return { name: `resizeCenterCrop(${resize}, ${crop})`, plan };
}

/** Python's round. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Options of `centerCrop`. */
export interface CenterCropOptions {
  /** Share of the short side that is kept. Default 0.875: 224 of 256 pixels. */
  readonly ratio?: number;
}

/**
 * For evaluation: the middle square of `ratio` times the short side, with nothing random. The same as resizing the
 * short side to size / ratio and cutting out the middle, but in one pass and without rounding to whole pixels in
 * between.
 *
 * @throws RangeError If the ratio is not above 0 and at most 1.
 */
export function centerCrop(options: CenterCropOptions = {}): Augmentation {
  const { ratio = 0.875 } = options;
  if (!(ratio > 0 && ratio <= 1)) {
    throw new RangeError(`centerCrop: ratio is ${ratio}; expected a share above 0 and at most 1.`);
  }
  const plan = (height: number, width: number): AugmentationPlan => {
    const side = ratio * Math.min(height, width);
    return {
      cropY: (height - side) / 2,
      cropX: (width - side) / 2,
      cropHeight: side,
      cropWidth: side,
      flip: false,
    };
  };
  return { name: `centerCrop(${ratio})`, plan };
}
