import type { Config, FinetuneConfig, TokenizerRunConfig } from "../../settings/config.js";

/** How large the studies of the paper are: some minutes, a few hours on two cores, or the paper's own size. */
export type StudyScale = "tiny" | "small" | "full";

/** Settings of a scale, the same in every study. */
export interface ScaleSettings {
  /** Settings of pre-training; its length is in `steps`. */
  readonly pretraining: Config;
  /** Pre-training steps, the same in all cells however many pictures they have, except in the study `schedule`. */
  readonly steps: number;
  /** Settings of a tokenizer that is trained; it has as many words as the others. */
  readonly tokenizer: TokenizerRunConfig;
  /** Settings of fine-tuning. */
  readonly finetuning: FinetuneConfig;
  /** Labeled pictures to train and to test with; null: all. */
  readonly labelled: { readonly train: number | null; readonly test: number | null };
}

/**
 * Settings that methods would choose by the number of pictures: fixed, so that cells differ in nothing but what is
 * studied. The paper uses these for all but its smallest datasets.
 */
const sameForAll = { augmentation: "crop", mask: "block", cropScale: 0.2, dropPath: 0 } as const;

/** Fine-tuning that is short, from few labels (docs/results.md): no mixing, no RandAugment, no layer decay. */
const shortFinetuning = {
  ...{ layerDecay: 1, mixup: 0, cutmix: 0, magnitude: 0, jitter: 0.4, cropScale: 0.3, learningRate: 1e-3 },
} as const;

/** The scales by their names. */
export const scales: Readonly<Record<StudyScale, ScaleSettings>> = {
  tiny: {
    pretraining: {
      ...sameForAll,
      ...{ width: 48, depth: 2, heads: 3, imageSize: 32, patch: 8, batch: 32, vocabulary: 256 },
    },
    steps: 60,
    tokenizer: { imageSize: 32, hiddenWidth: 16, blocks: 1, batch: 16, steps: 60 },
    finetuning: { ...shortFinetuning, batch: 32, steps: 60 },
    labelled: { train: 400, test: 400 },
  },
  small: {
    pretraining: {
      ...sameForAll,
      ...{ width: 96, depth: 4, heads: 3, imageSize: 64, patch: 8, batch: 64, vocabulary: 2048 },
      precision: "bfloat16",
    },
    steps: 800,
    tokenizer: { imageSize: 64, hiddenWidth: 64, batch: 32, steps: 800 },
    finetuning: { ...shortFinetuning, batch: 64, steps: 400, precision: "bfloat16" },
    labelled: { train: null, test: null },
  },
  full: {
    pretraining: {
      ...sameForAll,
      ...{ model: "small", imageSize: 224, patch: 16, batch: 1024, vocabulary: 8192, precision: "bfloat16" },
    },
    // 300 epochs of ImageNet, as in the paper.
    steps: 375_000,
    tokenizer: { imageSize: 112, batch: 512, steps: 60_000 },
    finetuning: { recipe: "paper-small", precision: "bfloat16" },
    labelled: { train: null, test: null },
  },
};
