import { type AugmentationStep, operationStep, randomApply } from "./augmentation.js";
import type { Operation } from "./operations.js";

/** A strength v, which draws from [max(0, 1 − v), 1 + v] (of the hue: [−v, v]), or the range itself. */
export type JitterRange = number | readonly [number, number];

/** Options of `colorJitter`. */
export interface ColorJitterOptions {
  /** Of the brightness factor. Default 0: none. */
  readonly brightness?: JitterRange;
  /** Of the contrast factor. Default 0: none. */
  readonly contrast?: JitterRange;
  /** Of the saturation factor. Default 0: none. */
  readonly saturation?: JitterRange;
  /** Of the turn of the hue, at most ±0.5 of the circle. Default 0: none. */
  readonly hue?: JitterRange;
}

const jitterKinds = ["brightness", "contrast", "saturation", "hue"] as const;

/** The range of a strength; null where it changes nothing. */
function jitterRange(
  name: (typeof jitterKinds)[number],
  given: JitterRange,
): readonly [number, number] | null {
  const isHue = name === "hue";
  const middle = isHue ? 0 : 1;
  const [low, high] =
    typeof given === "number" ? [isHue ? -given : Math.max(0, 1 - given), middle + given] : given;
  const [least, most] = isHue ? [-0.5, 0.5] : [0, Infinity];
  if (!(low >= least && low <= high && high <= most)) {
    const shown = typeof given === "number" ? given : `[${given.join(", ")}]`;
    throw new RangeError(
      `colorJitter: ${name} is ${shown}; expected ` +
        (isHue
          ? "a number from 0 to 0.5, or two rising ones from −0.5 to 0.5"
          : "a number from 0 on, or two rising ones from 0 on") +
        ".",
    );
  }
  return low === middle && high === middle ? null : [low, high];
}

/**
 * Changes brightness, contrast, saturation and hue by uniform factors, in random order. torchvision's `ColorJitter`;
 * pictures of one channel have no saturation and no hue to change.
 *
 * @throws RangeError If a strength is negative, or a range does not rise.
 */
export function colorJitter(options: ColorJitterOptions): AugmentationStep {
  const ranges = jitterKinds.map((kind) => jitterRange(kind, options[kind] ?? 0));
  const shown = jitterKinds.map((kind) => {
    const given = options[kind] ?? 0;
    return typeof given === "number" ? String(given) : given.join("–");
  });
  return operationStep(`colorJitter(${shown.join(", ")})`, (stream) => {
    const order = stream.permutation(4);
    const factors = ranges.map((range) => (range === null ? null : stream.uniform(range[0], range[1])));
    return Array.from(order).flatMap((place): Operation[] => {
      const factor = factors[place]!;
      return factor === null ? [] : [{ kind: jitterKinds[place]!, factor }];
    });
  });
}

/**
 * Turns a picture gray, its channels kept. torchvision's `RandomGrayscale`.
 *
 * @throws RangeError If the probability is none.
 */
export function randomGrayscale(probability = 0.1): AugmentationStep {
  return randomApply(
    operationStep("grayscale", () => [{ kind: "grayscale" }]),
    probability,
  );
}

/**
 * Inverts the values from a threshold on. torchvision's `RandomSolarize`.
 *
 * @param threshold 0 to 255; DINO and MoCo v3 take 128.
 * @throws RangeError If the threshold or the probability is out of its range.
 */
export function randomSolarize(threshold = 128, probability = 0.5): AugmentationStep {
  if (!(threshold >= 0 && threshold <= 256)) {
    throw new RangeError(`randomSolarize: threshold is ${threshold}; expected a number from 0 to 256.`);
  }
  return randomApply(
    operationStep(`solarize(${threshold})`, () => [{ kind: "solarize", threshold }]),
    probability,
  );
}

/** Options of `gaussianBlur`. */
export interface GaussianBlurOptions {
  /** Rows and columns of the kernel, odd, 1 to 127. Default 23: about a tenth of 224 pixels, as SimCLR. */
  readonly kernelSize?: number;
  /** Smallest and largest standard deviation in pixels. Default [0.1, 2]. */
  readonly sigma?: readonly [number, number];
}

/**
 * A Gaussian blur in proportion to the size of the pictures: its σ is 0.1 to 2 pixels at 224 pixels a side.
 *
 * @param size Side of the pictures in pixels.
 * @returns Options of `gaussianBlur`, in pixels.
 */
export function blurOfSize(size: number): Required<GaussianBlurOptions> {
  return {
    kernelSize: Math.min(127, 2 * Math.ceil(size / 20) + 1),
    sigma: [size / 2240, size / 112],
  };
}

/**
 * Blurs with a Gaussian of random width. torchvision's `GaussianBlur`. Where several views share a plan, lengths are
 * pixels of the first view.
 *
 * @throws RangeError If the kernel size is not odd, or sigma not above 0 and rising.
 */
export function gaussianBlur(options: GaussianBlurOptions = {}): AugmentationStep {
  const { kernelSize = 23, sigma = [0.1, 2] } = options;
  if (!(Number.isInteger(kernelSize) && kernelSize % 2 === 1 && kernelSize >= 1 && kernelSize <= 127)) {
    throw new RangeError(`gaussianBlur: kernelSize is ${kernelSize}; expected an odd number from 1 to 127.`);
  }
  if (!(sigma[0] > 0 && sigma[0] <= sigma[1] && sigma[1] < Infinity)) {
    throw new RangeError(
      `gaussianBlur: sigma is [${sigma.join(", ")}]; expected two rising numbers above 0.`,
    );
  }
  return operationStep(`gaussianBlur(${kernelSize}, ${sigma[0]}–${sigma[1]})`, (stream) => [
    { kind: "gaussianBlur", kernelSize, sigma: stream.uniform(sigma[0], sigma[1]) },
  ]);
}
