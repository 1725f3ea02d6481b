import { type Augmentation, splitMaskAugmentation } from "@splitmask/data";
import type { StepSettings } from "../settings/stepSettings.js";

/** The crop, flip and colors of pre-training. */
export function trainingAugmentation(
  settings: Pick<
    StepSettings,
    "imageSize" | "cropScale" | "flip" | "colorJitter" | "jitterStrength" | "grayscale" | "blur" | "solarize"
  >,
): Augmentation {
  const {
    blur: gaussianBlur,
    colorJitter,
    cropScale,
    flip,
    grayscale,
    imageSize,
    jitterStrength,
    solarize,
  } = settings;
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
