import { eraseModes, mostBlurTaps, pictureFilters, pictureOperations } from "@splitmask/kernels";

/** How pixels between pixels are read by geometric operations. */
export type Interpolation = "bicubic" | "bilinear" | "nearest";

/** What geometric operations share: how they read, and the color outside of the picture. */
export interface Geometry {
  /** How the picture is read between its pixels. */
  readonly interpolation: Interpolation;
  /**
   * Color outside of the picture, 0 to 255: one number, or up to seven, one a channel (the last one serves further
   * channels).
   */
  readonly fill: number | readonly number[];
}

/** A blend with black, with the mean gray, with the gray picture, with a smoothed picture. Pillow's `ImageEnhance`. */
export interface Blend {
  /** What it is. */
  readonly kind: "brightness" | "contrast" | "saturation" | "sharpness";
  /** 0 gives these, 1 the picture itself, above 1 more of it. */
  readonly factor: number;
}

/** The hue is turned. torchvision's `adjust_hue`. */
export interface HueTurn {
  /** What it is. */
  readonly kind: "hue";
  /** Share of the circle, −0.5 to 0.5. */
  readonly factor: number;
}

/**
 * What has no numbers: gray in all channels, 255 − value, each channel stretched to 0 … 255, each channel equalized.
 */
export interface FixedOperation {
  /** What it is. */
  readonly kind: "grayscale" | "invert" | "autoContrast" | "equalize";
}

/** Bright values are inverted. */
export interface Solarize {
  /** What it is. */
  readonly kind: "solarize";
  /** Values from it on, 0 to 256. */
  readonly threshold: number;
}

/** Dark values become brighter. */
export interface SolarizeAdd {
  /** What it is. */
  readonly kind: "solarizeAdd";
  /** How much. */
  readonly add: number;
  /** Values below it. */
  readonly threshold: number;
}

/** Only the upper bits are kept. */
export interface Posterize {
  /** What it is. */
  readonly kind: "posterize";
  /** How many, 0 to 8. */
  readonly bits: number;
}

/** torchvision's `gaussian_blur`; beyond the border the picture is mirrored. */
export interface GaussianBlur {
  /** What it is. */
  readonly kind: "gaussianBlur";
  /** Odd, in pixels of the first view. */
  readonly kernelSize: number;
  /** Standard deviation in pixels of the first view. */
  readonly sigma: number;
}

/** Turns around the middle. */
export interface Rotate extends Geometry {
  /** What it is. */
  readonly kind: "rotate";
  /** Counter-clockwise. */
  readonly degrees: number;
}

/** Shifts rows (x) or columns (y) by a share of their distance from the border. */
export interface Shear extends Geometry {
  /** What it is. */
  readonly kind: "shearX" | "shearY";
  /** The share. */
  readonly factor: number;
}

/** Shifts to the left (x) or up (y). */
export interface Translate extends Geometry {
  /** What it is. */
  readonly kind: "translateX" | "translateY";
  /** By how much of the width or height. */
  readonly share: number;
}

/**
 * One operation on a picture of 8 bits, named and parameterized as in Pillow, torchvision and timm. It comes after
 * crop, resize and flips and before normalization; but `erase` comes after normalization.
 */
export type Operation =
  | Blend
  | HueTurn
  | FixedOperation
  | Solarize
  | SolarizeAdd
  | Posterize
  | GaussianBlur
  | Rotate
  | Shear
  | Translate
  | Erase;

/** A box that is filled after normalization: with zeros, with one normal number a channel, or with one a value. */
export interface Erase {
  /** What it is. */
  readonly kind: "erase";
  /** Rows of the box, as a share of the picture's. */
  readonly height: number;
  /** Columns of the box, as a share of the picture's. */
  readonly width: number;
  /** Which of the places where the box fits, from the top, in [0, 1). */
  readonly top: number;
  /** Which of the places where the box fits, from the left, in [0, 1). */
  readonly left: number;
  /** timm's names. */
  readonly mode: "const" | "rand" | "pixel";
  /** What the normal numbers depend on: two random words of 32 bits. */
  readonly words: readonly [number, number];
}

/** The size that an operation works at. */
export interface OperationSize {
  /** Rows and columns of the view. */
  readonly size: number;
  /** Rows and columns of the view that lengths in pixels were meant for. */
  readonly referenceSize: number;
  /** Channels of the picture. */
  readonly channels: number;
}

/** The codes of the operations: those of geometry are one to the kernel. */
const codes = {
  ...pictureOperations,
  rotate: pictureOperations.affine,
  shearX: pictureOperations.affine,
  shearY: pictureOperations.affine,
  translateX: pictureOperations.affine,
  translateY: pictureOperations.affine,
} as const;

/** timm's names of what is written into an erased box. */
const eraseCodes = {
  const: eraseModes.zeros,
  rand: eraseModes.numberPerChannel,
  pixel: eraseModes.numberPerValue,
} as const;

/**
 * Writes an operation as the kernel reads it.
 *
 * @throws RangeError If it needs colors and the picture is neither RGB nor gray, or a number is out of its range.
 */
export function writeOperation(operation: Operation, at: OperationSize): readonly number[] {
  const { kind } = operation;
  if (
    (kind === "saturation" || kind === "hue" || kind === "grayscale") &&
    at.channels !== 3 &&
    at.channels !== 1
  ) {
    throw new RangeError(
      `augmentation: ${kind} works on red, green and blue, but the pictures have ${at.channels} channels. ` +
        "Leave it out, or use pictures of 3 channels (of 1, it changes nothing).",
    );
  }
  return [codes[kind], ...numbersOf(operation, at)];
}

function numbersOf(operation: Operation, { size, referenceSize }: OperationSize): readonly number[] {
  switch (operation.kind) {
    case "brightness":
    case "contrast":
    case "saturation":
    case "sharpness":
      return [operation.factor];
    case "hue":
      // Pillow's hue has 256 steps; the cut towards zero and the wrap are torchvision's.
      return [(Math.trunc(operation.factor * 255) + 256) % 256];
    case "grayscale":
    case "invert":
    case "autoContrast":
    case "equalize":
      return [];
    case "solarize":
      return [operation.threshold];
    case "solarizeAdd":
      return [operation.add, operation.threshold];
    case "posterize":
      return [operation.bits];
    case "gaussianBlur": {
      const scale = size / referenceSize;
      const radius = Math.round(((operation.kernelSize - 1) / 2) * scale);
      return [Math.min(mostBlurTaps, 2 * radius + 1), operation.sigma * scale];
    }
    case "rotate":
      return [...rotation(operation.degrees, size), ...geometryOf(operation)];
    case "shearX":
      return [1, operation.factor, 0, 0, 1, 0, ...geometryOf(operation)];
    case "shearY":
      return [1, 0, 0, operation.factor, 1, 0, ...geometryOf(operation)];
    case "translateX":
      return [1, 0, operation.share * size, 0, 1, 0, ...geometryOf(operation)];
    case "translateY":
      return [1, 0, 0, 0, 1, operation.share * size, ...geometryOf(operation)];
    case "erase": {
      const rows = Math.min(size - 1, Math.round(operation.height * size));
      const columns = Math.min(size - 1, Math.round(operation.width * size));
      const top = Math.floor(operation.top * (size - rows + 1));
      const left = Math.floor(operation.left * (size - columns + 1));
      return [top, left, rows, columns, eraseCodes[operation.mode], ...operation.words];
    }
  }
}

/** Maps a place of the rotated picture to its place in the picture, both with the middle where it is. */
function rotation(degrees: number, size: number): readonly number[] {
  const angle = (-degrees * Math.PI) / 180;
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  const middle = size / 2;
  return [
    cosine,
    sine,
    middle - cosine * middle - sine * middle,
    -sine,
    cosine,
    middle + sine * middle - cosine * middle,
  ];
}

function geometryOf({ interpolation, fill }: Geometry): readonly number[] {
  const colors = typeof fill === "number" ? [fill] : fill;
  return [pictureFilters[interpolation], colors.length, ...colors];
}
