import { type Augmentation, splitMaskAugmentation, type View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { SplitMask } from "@splitmask/methods";

export { tokenizerPatch, tokenizerView } from "@splitmask/methods";

import type { Tokenizer } from "@splitmask/tokenizer";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import type { RunDescription } from "../runs/description.js";
import type { ResolvedConfig } from "../settings/resolve.js";

/** The settings of the encoder. */
export function encoderConfig(config: ResolvedConfig): VisionTransformerConfig {
  const { imageSize, patch, width, depth, heads, layerScale, dropPath } = config;
  return { imageSize, patchSize: patch, width, depth, heads, layerScale, dropPath };
}

/** The encoder as it is before training: a function of the settings and the seed alone. */
export function createEncoder(device: Device, config: ResolvedConfig): VisionTransformer {
  return new VisionTransformer(device, encoderConfig(config), { seed: config.seed });
}

/** SplitMask with its encoder and decoder as they are before training. */
export function createMethod(device: Device, config: ResolvedConfig, tokenizer: Tokenizer): SplitMask {
  return new SplitMask(device, {
    encoder: encoderConfig(config),
    tokenizer,
    decoder: { depth: config.decoderDepth },
    split: config.mask === "block" ? { mode: "block" } : { mode: "uniform", visible: 0.25 },
    inpaintWeight: config.inpaintWeight,
    matchWeight: config.matchWeight,
    temperature: config.temperature,
    negatives: config.negatives,
    seed: config.seed,
  });
}

/** The encoder's view of the pictures. */
export function encoderView({ config, mean, std }: Pick<RunDescription, "config" | "mean" | "std">): View {
  return { size: config.imageSize, mean, std };
}

/** The crop, flip and colours of training. */
export function trainingAugmentation(config: ResolvedConfig): Augmentation {
  const { imageSize, cropScale, flip } = config;
  // Runs of before there were colours have none of these.
  const { colorJitter = 0, jitterStrength = 1, grayscale = 0, blur: gaussianBlur = 0, solarize = 0 } = config;
  return splitMaskAugmentation({
    crop: { scale: [cropScale, 1], horizontalFlip: flip },
    jitter: {
      brightness: 0.4 * jitterStrength,
      contrast: 0.4 * jitterStrength,
      saturation: 0.2 * jitterStrength,
      hue: Math.min(0.5, 0.1 * jitterStrength),
    },
    ...{ colorJitter, grayscale, gaussianBlur, solarize },
    // As wide as a blur of 0.1 to 2 pixels is at 224.
    blur: {
      kernelSize: Math.min(127, 2 * Math.ceil(imageSize / 20) + 1),
      sigma: [imageSize / 2240, imageSize / 112],
    },
    colors: true,
  });
}
