import { type Augmentation, type AugmentationStep, compose, randomApply } from "./augmentation.js";
import {
  type ColorJitterOptions,
  colorJitter,
  type GaussianBlurOptions,
  gaussianBlur,
  randomGrayscale,
  randomSolarize,
} from "./colors.js";
import { type RandomResizedCropOptions, randomResizedCrop } from "./crops.js";
import type { ChannelNumbers, View } from "./imageBatch.js";
import type { MixupOptions } from "./mixup.js";
import { multiCrop } from "./multiCrop.js";
import { randAugment } from "./randAugment.js";
import { randomErasing } from "./randomErasing.js";

/** How strong the color steps of pre-training are. */
export interface ColorAugmentationOptions {
  /** Probability of the color jitter. Default 0.8. */
  readonly colorJitter?: number;
  /** Its strengths. Default brightness, contrast 0.4, saturation 0.2, hue 0.1. */
  readonly jitter?: ColorJitterOptions;
  /** Probability of gray. Default 0.2. */
  readonly grayscale?: number;
  /** Probability of the blur. Default 0.5. */
  readonly gaussianBlur?: number;
  /** Its width. Default kernel 23 and sigma 0.1 to 2: meant for 224 pixels. */
  readonly blur?: GaussianBlurOptions;
  /** Probability of the solarization at 128. Default 0. */
  readonly solarize?: number;
}

/**
 * Color jitter, gray, blur and solarization, each with its probability, in the order of BYOL, MoCo v3 and DINO. A
 * probability of 0 leaves the step out.
 */
export function colorAugmentation(options: ColorAugmentationOptions = {}): AugmentationStep[] {
  const { jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 } } = options;
  const {
    colorJitter: jitterShare = 0.8,
    grayscale = 0.2,
    gaussianBlur: blurShare = 0.5,
    solarize = 0,
  } = options;
  return [
    ...(jitterShare === 0 ? [] : [randomApply(colorJitter(jitter), jitterShare)]),
    ...(grayscale === 0 ? [] : [randomGrayscale(grayscale)]),
    ...(blurShare === 0 ? [] : [randomApply(gaussianBlur(options.blur), blurShare)]),
    ...(solarize === 0 ? [] : [randomSolarize(128, solarize)]),
  ];
}

/** Options of `splitMaskAugmentation`. */
export interface SplitMaskAugmentationOptions extends ColorAugmentationOptions {
  /** The crop. Default: area from 0.08 on, flip 0.5. */
  readonly crop?: RandomResizedCropOptions;
  /** Whether the color steps are there, as for the paper's smallest sets. Default false. */
  readonly colors?: boolean;
}

/**
 * Pre-training as in SplitMask's paper (El-Nouby et al. 2021): random resized crop and flip; for the smallest sets also
 * color jitter, gray, blur and solarization. The paper does not give their strengths: these are MoCo v3's, with
 * solarization 0.2.
 */
export function splitMaskAugmentation(options: SplitMaskAugmentationOptions = {}): Augmentation {
  const { crop, colors = false, ...strengths } = options;
  const steps = colors ? colorAugmentation({ solarize: 0.2, ...strengths }) : [];
  return compose(randomResizedCrop(crop), steps);
}

/** Training with labels: what happens to each picture, to the batch, and how often a picture comes. */
export interface SupervisedRecipe {
  /** What happens to each picture. */
  readonly augmentation: Augmentation;
  /** What happens to the batch. */
  readonly mixup: Omit<MixupOptions, "classes">;
  /** How often each picture of an epoch comes in a row; 1: once. */
  readonly repeats: number;
}

/** Options of `deitRecipe` and `splitMaskFinetuning`. */
export interface SupervisedRecipeOptions {
  /** Mean of the view's channels: the color around rotated pictures. Default [0.485, 0.456, 0.406]. */
  readonly mean?: ChannelNumbers;
}

const mixing = { mixupAlpha: 0.8, cutmixAlpha: 1, switchProbability: 0.5, labelSmoothing: 0.1 } as const;

/** Options of `supervisedAugmentation`. */
export interface SupervisedAugmentationOptions extends SupervisedRecipeOptions {
  /** Smallest share of the picture's area that is cut out. Default 0.08. */
  readonly cropScale?: number;
  /** Probability of mirroring left to right. Default 0.5. */
  readonly horizontalFlip?: number;
  /** RandAugment's magnitude, 0 to 10; 0: no RandAugment. Default 9. */
  readonly magnitude?: number;
  /** Standard deviation of the magnitude. Default 0.5. */
  readonly magnitudeStd?: number;
  /** Strength of the color jitter (brightness, contrast, saturation), as timm's; 0: none. Default 0. */
  readonly colorJitter?: number;
  /** Probability of erasing a box, with noise in every pixel; 0: none. Default 0. */
  readonly erasing?: number;
}

/**
 * What supervised training does to each picture, as timm's `create_transform` puts it together: random resized crop and
 * flip, RandAugment (two operations, increasing, bicubic, filled with the mean), color jitter, erasing.
 */
export function supervisedAugmentation(options: SupervisedAugmentationOptions = {}): Augmentation {
  const { cropScale = 0.08, horizontalFlip = 0.5, magnitude = 9, magnitudeStd = 0.5 } = options;
  const { colorJitter: jitter = 0, erasing = 0, mean = [0.485, 0.456, 0.406] } = options;
  const fill = mean.map((value) => Math.min(255, Math.round(255 * value)));
  const policy = { magnitude, magnitudeStd, increasing: true, interpolation: "bicubic", fill } as const;
  const steps = [
    ...(magnitude === 0 ? [] : [randAugment(policy)]),
    ...(jitter === 0 ? [] : [colorJitter({ brightness: jitter, contrast: jitter, saturation: jitter })]),
    ...(erasing === 0 ? [] : [randomErasing({ probability: erasing, mode: "pixel" })]),
  ];
  return compose(randomResizedCrop({ confined: true, scale: [cropScale, 1], horizontalFlip }), steps);
}

/**
 * DeiT's training (Touvron et al. 2021): RandAugment `rand-m9-mstd0.5-inc1` with bicubic interpolation, erasing 0.25
 * per pixel, mixup 0.8, CutMix 1, smoothing 0.1, each picture three times. Its color jitter of 0.3 is off, as timm has
 * it beside RandAugment.
 */
export function deitRecipe(options: SupervisedRecipeOptions = {}): SupervisedRecipe {
  return { augmentation: supervisedAugmentation({ ...options, erasing: 0.25 }), mixup: mixing, repeats: 3 };
}

/**
 * Fine-tuning as in SplitMask's paper (table 9): RandAugment, mixup 0.8, CutMix 1, smoothing 0.1, no erasing. Its
 * color jitter of 0.4 is off, as timm has it beside RandAugment.
 *
 * @param sets `"large"`: iNaturalist and Food101, magnitude 7 and repeated augmentation (three times, DeiT's number).
 * `"small"`: Cars, Clipart, Painting, Sketch: magnitude 9, none.
 */
export function splitMaskFinetuning(
  sets: "large" | "small",
  options: SupervisedRecipeOptions = {},
): SupervisedRecipe {
  const isLarge = sets === "large";
  const augmentation = supervisedAugmentation({ ...options, magnitude: isLarge ? 7 : 9 });
  return { augmentation, mixup: mixing, repeats: isLarge ? 3 : 1 };
}

/** Options of `dinoViews` and `leJepaViews`. */
export interface DinoViewsOptions {
  /** Mean of the channels. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of the channels. */
  readonly std: ChannelNumbers;
  /** Rows and columns of the global views. Default 224. */
  readonly globalSize?: number;
  /** Areas of the global crops. Default [0.4, 1]. */
  readonly globalScale?: readonly [number, number];
  /** How many local views. Default 8. */
  readonly localCrops?: number;
  /** Rows and columns of the local views. Default 96. */
  readonly localSize?: number;
  /** Areas of the local crops. Default [0.05, 0.4]. */
  readonly localScale?: readonly [number, number];
  /** Probability of mirroring left to right. Default 0.5. */
  readonly horizontalFlip?: number;
  /** The blur of all views, in pixels. Default kernel 23 and sigma 0.1 to 2, which suit 224 pixels. */
  readonly blur?: GaussianBlurOptions;
}

/**
 * DINO's views (Caron et al. 2021): two global crops, the first always blurred, the second rarely and sometimes
 * solarized, then local ones. With `localCrops: 0` and `globalScale: [0.08, 1]` they are MoCo v3's views (Chen et al.
 * 2021).
 */
export function dinoViews(options: DinoViewsOptions): View[] {
  const { mean, std, globalSize = 224, globalScale = [0.4, 1] } = options;
  const { localCrops = 8, localSize = 96, localScale = [0.05, 0.4] } = options;
  const { blur = {}, horizontalFlip = 0.5 } = options;
  const rule = (scale: readonly [number, number], colors: ColorAugmentationOptions) =>
    compose(
      randomResizedCrop({ scale, horizontalFlip, confined: true }),
      colorAugmentation({ ...colors, blur }),
    );
  return multiCrop(
    [
      { count: 1, size: globalSize, augmentation: rule(globalScale, { gaussianBlur: 1 }) },
      { count: 1, size: globalSize, augmentation: rule(globalScale, { gaussianBlur: 0.1, solarize: 0.2 }) },
      { count: localCrops, size: localSize, augmentation: rule(localScale, { gaussianBlur: 0.5 }) },
    ],
    { mean, std },
  );
}

/**
 * LeJEPA's views (Balestriero and LeCun 2025): two global crops with areas of 0.3 to 1 of the picture, and six local
 * ones of 0.05 to 0.3, 98 pixels a side. All have the same color augmentation, with blur in half of the views and
 * solarization in a fifth.
 *
 * @param options As for `dinoViews`, with these defaults.
 */
export function leJepaViews(options: DinoViewsOptions): View[] {
  const { mean, std, globalSize = 224, globalScale = [0.3, 1] } = options;
  const { localCrops = 6, localSize = 98, localScale = [0.05, 0.3] } = options;
  const { blur = {}, horizontalFlip = 0.5 } = options;
  const colors = colorAugmentation({ solarize: 0.2, blur });
  const rule = (scale: readonly [number, number]) =>
    compose(randomResizedCrop({ scale, horizontalFlip, confined: true }), colors);
  return multiCrop(
    [
      { count: 2, size: globalSize, augmentation: rule(globalScale) },
      { count: localCrops, size: localSize, augmentation: rule(localScale) },
    ],
    { mean, std },
  );
}

/** Options of `simclrViews`. */
export interface SimclrViewsOptions {
  /** Mean of the channels. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of the channels. */
  readonly std: ChannelNumbers;
  /** Rows and columns. Default 224. */
  readonly size?: number;
  /** How many views. Default 2. */
  readonly views?: number;
}

/**
 * SimCLR's views (Chen et al. 2020): crops of any area, jitter of 0.8, 0.8, 0.8, 0.2 with probability 0.8, gray 0.2,
 * blur 0.5 over a tenth of the side.
 */
export function simclrViews({ mean, std, size = 224, views = 2 }: SimclrViewsOptions): View[] {
  const jitter = { brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 };
  const kernelSize = Math.min(127, 2 * Math.floor(size / 20) + 1);
  const augmentation = compose(
    randomResizedCrop({ confined: true }),
    colorAugmentation({ jitter, blur: { kernelSize } }),
  );
  return multiCrop([{ count: views, size, augmentation }], { mean, std });
}
