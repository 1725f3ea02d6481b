import type { RandomStream } from "@splitmask/autograd";
import { type AugmentationStep, operationStep } from "./augmentation.js";
import { checkProbability, drawNormal } from "./draws.js";
import type { Interpolation, Operation } from "./operations.js";

/** Options of `randAugment`; timm's configuration string sets the first six. */
export interface RandAugmentOptions {
  /** How strong, 0 to 10. Default 10 (`m`). */
  readonly magnitude?: number;
  /** Standard deviation of the magnitude; Infinity: uniform from 0 to the magnitude. Default 0 (`mstd`). */
  readonly magnitudeStd?: number;
  /** Largest magnitude that the spread may reach. Default 10 (`mmax`). */
  readonly magnitudeMax?: number;
  /** Operations drawn for each picture, with replacement. Default 2 (`n`). */
  readonly layers?: number;
  /** Probability with which a drawn operation is done. Default 0.5 (`p`). */
  readonly probability?: number;
  /** Whether every operation grows with the magnitude. Default false (`inc`). */
  readonly increasing?: boolean;
  /** How geometric operations read the picture; `"random"`: bilinear or bicubic. Default `"random"`. */
  readonly interpolation?: Interpolation | "random";
  /** Color outside of the picture, 0 to 255. Default 128; timm's training takes the mean of the normalization. */
  readonly fill?: number | readonly number[];
}

/** timm's operations of RandAugment, in its order. */
export const randAugmentOperations = [
  "AutoContrast",
  "Equalize",
  "Invert",
  "Rotate",
  "Posterize",
  "Solarize",
  "SolarizeAdd",
  "Color",
  "Contrast",
  "Brightness",
  "Sharpness",
  "ShearX",
  "ShearY",
  "TranslateXRel",
  "TranslateYRel",
] as const;

/** The name of an operation of RandAugment. */
export type RandAugmentOperation = (typeof randAugmentOperations)[number];

const enhanced = {
  Color: "saturation",
  Contrast: "contrast",
  Brightness: "brightness",
  Sharpness: "sharpness",
} as const;

/**
 * Reads timm's configuration string, such as `rand-m9-mstd0.5-inc1`.
 *
 * @throws Error If it is none.
 */
export function parseRandAugment(text: string): RandAugmentOptions {
  const [variant, ...parts] = text.split("-");
  const keys = {
    m: "magnitude",
    mstd: "magnitudeStd",
    mmax: "magnitudeMax",
    n: "layers",
    p: "probability",
  } as const;
  const options: Record<string, number | boolean> = {};
  const wrong = (part: string) =>
    new Error(
      `randAugment: "${part}" of "${text}" is unknown; ` +
        "expected rand, then parts m (magnitude), mstd (its spread), mmax, n (operations), " +
        "p (probability), inc (0 or 1), each with a number: rand-m9-mstd0.5-inc1.",
    );
  if (variant !== "rand") throw wrong(variant ?? "");
  for (const part of parts) {
    const [, key = "", number = ""] = /^([a-z]+)(\d+(?:\.\d+)?|\.\d+)$/.exec(part) ?? [];
    const value = Number(number);
    if (key === "inc") options.increasing = value !== 0;
    else if (key in keys) {
      // timm: a spread above 100 is a uniform magnitude.
      options[keys[key as keyof typeof keys]] = key === "mstd" && value > 100 ? Infinity : value;
    } else throw wrong(part);
  }
  return options;
}

/**
 * RandAugment (Cubuk et al. 2020) as timm has it: `layers` operations drawn with replacement, each done with a
 * probability, at a magnitude with a spread.
 *
 * @param given timm's configuration string, or options.
 * @throws RangeError If a number is out of its range.
 * @throws Error If the string is not timm's.
 *
 * @example
 * ```ts
 * import { compose, randAugment, randomResizedCrop } from "@splitmask/augmentation";
 *
 * const augmentation = compose(randomResizedCrop(), [randAugment("rand-m9-mstd0.5-inc1")]);
 * console.log(augmentation.name);
 * ```
 */
export function randAugment(given: string | RandAugmentOptions): AugmentationStep {
  const options = typeof given === "string" ? parseRandAugment(given) : given;
  const { magnitude = 10, magnitudeStd = 0, magnitudeMax = 10, layers = 2, probability = 0.5 } = options;
  const { increasing = false, interpolation = "random", fill = 128 } = options;
  checkProbability("randAugment", "probability", probability);
  if (
    !(magnitude >= 0 && magnitudeStd >= 0 && magnitudeMax >= 0 && Number.isInteger(layers) && layers >= 0)
  ) {
    throw new RangeError(
      `randAugment: magnitude is ${magnitude}, magnitudeStd ${magnitudeStd}, ` +
        `magnitudeMax ${magnitudeMax} and layers ${layers}; expected numbers from 0 on, layers a whole one.`,
    );
  }
  const name =
    `randAugment(magnitude ${magnitude} ± ${magnitudeStd}, ${layers} operations` +
    `${increasing ? ", increasing" : ""})`;
  return operationStep(name, (stream) => {
    const drawn = Array.from(
      { length: layers },
      () => randAugmentOperations[stream.integer(randAugmentOperations.length)]!,
    );
    return drawn.flatMap((operation) => {
      if (!(stream.uniform() < probability)) return [];
      const spread =
        magnitudeStd === 0
          ? magnitude
          : magnitudeStd === Infinity
            ? stream.uniform(0, magnitude)
            : drawNormal(stream, magnitude, magnitudeStd);
      const level = Math.max(0, Math.min(spread, magnitudeMax)) / 10;
      const filter =
        interpolation === "random" ? (stream.uniform() < 0.5 ? "bilinear" : "bicubic") : interpolation;
      return [operationOf(operation, level, increasing, stream, { interpolation: filter, fill })];
    });
  });
}

/** The operation at a level, 1 being magnitude 10. */
function operationOf(
  name: RandAugmentOperation,
  level: number,
  increasing: boolean,
  stream: RandomStream,
  geometry: { readonly interpolation: Interpolation; readonly fill: number | readonly number[] },
): Operation {
  const signed = (value: number) => (stream.uniform() < 0.5 ? -value : value);
  switch (name) {
    case "AutoContrast":
      return { kind: "autoContrast" };
    case "Equalize":
      return { kind: "equalize" };
    case "Invert":
      return { kind: "invert" };
    case "Rotate":
      return { kind: "rotate", degrees: signed(30 * level), ...geometry };
    case "Posterize": {
      const bits = Math.trunc(4 * level);
      return { kind: "posterize", bits: Math.max(0, increasing ? 4 - bits : bits) };
    }
    case "Solarize": {
      const threshold = Math.min(256, Math.trunc(256 * level));
      return { kind: "solarize", threshold: increasing ? 256 - threshold : threshold };
    }
    case "SolarizeAdd":
      return { kind: "solarizeAdd", add: Math.min(128, Math.trunc(110 * level)), threshold: 128 };
    case "Color":
    case "Contrast":
    case "Brightness":
    case "Sharpness": {
      const factor = increasing ? Math.max(0.1, 1 + signed(0.9 * level)) : 1.8 * level + 0.1;
      return { kind: enhanced[name], factor };
    }
    case "ShearX":
      return { kind: "shearX", factor: signed(0.3 * level), ...geometry };
    case "ShearY":
      return { kind: "shearY", factor: signed(0.3 * level), ...geometry };
    case "TranslateXRel":
      return { kind: "translateX", share: signed(0.45 * level), ...geometry };
    case "TranslateYRel":
      return { kind: "translateY", share: signed(0.45 * level), ...geometry };
  }
}
