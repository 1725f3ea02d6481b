/** Everything that a recipe for training with labels fixes. Learning rates are for `batch` pictures a step. */
export interface FineTuningRecipe {
  /** Passes over the pictures. */
  readonly epochs: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Peak learning rate of AdamW for `batch` pictures. */
  readonly learningRate: number;
  /** Learning rate at the end of the cosine, for `batch` pictures. */
  readonly minimumLearningRate: number;
  /** Epochs of linear warm-up among `epochs`. */
  readonly warmupEpochs: number;
  /** Each layer's learning rate is so much of the next one's; 1: all the same. */
  readonly layerDecay: number;
  /** AdamW's weight decay. */
  readonly weightDecay: number;
  /** Largest gradient norm; 0: no clipping. */
  readonly clip: number;
  /** Stochastic depth of the last block. */
  readonly dropPath: number;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale: number;
  /** Label smoothing. */
  readonly labelSmoothing: number;
  /** mixup's alpha; 0: none. */
  readonly mixup: number;
  /** CutMix's alpha; 0: none. */
  readonly cutmix: number;
  /** RandAugment's magnitude; 0: none. */
  readonly magnitude: number;
  /** Standard deviation of the magnitude. */
  readonly magnitudeStd: number;
  /** Strength of the color jitter where there is no RandAugment (timm leaves it out beside it). */
  readonly colorJitter: number;
  /** Probability of random erasing. */
  readonly erasing: number;
  /** Repeated augmentation: how often each picture of a batch comes, augmented anew; 1: once. */
  readonly repeats: number;
  /** Decay of the moving average of the weights; null: none. */
  readonly ema: number | null;
  /** Standard deviation of the head's first weights. */
  readonly headDeviation: number;
  /** Share of the short side that tests show. */
  readonly cropRatio: number;
}

/** What the paper's two columns have in common (El-Nouby et al. 2021, table 9). */
const paper = {
  epochs: 300,
  batch: 1024,
  minimumLearningRate: 1e-6, // not in the paper: BEiT's
  weightDecay: 0.05,
  clip: 0,
  dropPath: 0.1,
  cropScale: 0.08,
  labelSmoothing: 0.1,
  mixup: 0.8,
  cutmix: 1,
  magnitudeStd: 0.5,
  colorJitter: 0.4,
  erasing: 0,
  ema: null,
  headDeviation: 0.02 * 0.001, // not in the paper: BEiT's
  cropRatio: 0.875,
} as const;

/** The names of the recipes. */
export type FineTuningRecipeName = "paper-large" | "paper-small" | "deit" | "beit";

/**
 * Recipes for training a vision transformer with labels.
 *
 * `paper-large` and `paper-small`: SplitMask's fine-tuning (arXiv 2112.10740, table 9), of iNaturalist and Food101, and
 * of Stanford Cars, Clipart, Painting and Sketch. `deit`: supervised training from the first weights (Touvron et al.
 * 2021), which DINO and MoCo v3 fine-tune with too. `beit`: fine-tuning of ViT-B on ImageNet (Bao et al. 2021, table
 * 13).
 */
export const fineTuningRecipes: Readonly<Record<FineTuningRecipeName, FineTuningRecipe>> = {
  "paper-large": {
    ...paper,
    learningRate: 1.4e-4,
    layerDecay: 1,
    warmupEpochs: 5,
    magnitude: 7,
    repeats: 3,
  },
  "paper-small": {
    ...paper,
    learningRate: 4e-3,
    layerDecay: 0.65,
    warmupEpochs: 60,
    magnitude: 9,
    repeats: 1,
  },
  deit: {
    ...paper,
    learningRate: 1e-3,
    minimumLearningRate: 1e-5,
    layerDecay: 1,
    warmupEpochs: 5,
    magnitude: 9,
    colorJitter: 0.3,
    erasing: 0.25,
    repeats: 3,
    ema: 0.99996,
    headDeviation: 0.02,
  },
  beit: {
    ...paper,
    epochs: 100,
    learningRate: 4e-3,
    layerDecay: 0.65,
    warmupEpochs: 20,
    magnitude: 9,
    erasing: 0.25,
    repeats: 3,
  },
};
