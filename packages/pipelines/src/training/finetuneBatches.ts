import {
  type ImageDataset,
  ImageLoader,
  MixedBatches,
  type PictureCache,
  supervisedAugmentation,
  type View,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { FinetuneDescription } from "../runs/finetuneDescription.js";

/** The pictures as the classifier sees them. */
export function finetuneView({
  config,
  mean,
  std,
}: Pick<FinetuneDescription, "config" | "mean" | "std">): View {
  return { size: config.imageSize, mean, std };
}

/**
 * The batches of a fine-tuning run, augmented and mixed as its settings say.
 *
 * @param device Where they go.
 * @param dataset The labelled pictures.
 * @param description The run.
 * @param options Where decoded pictures are kept; in memory when not given.
 */
export function finetuneBatches(
  device: Device,
  dataset: ImageDataset,
  description: Pick<FinetuneDescription, "config" | "classes" | "mean" | "std">,
  options: { readonly cache?: PictureCache } = {},
): ImageLoader | MixedBatches {
  const { config, classes, mean } = description;
  const { seed } = config;
  const loader = new ImageLoader({
    dataset,
    device,
    batchSize: config.batch,
    views: [finetuneView(description)],
    seed,
    augmentation: supervisedAugmentation({
      mean,
      cropScale: config.cropScale,
      horizontalFlip: config.flip,
      magnitude: config.magnitude,
      magnitudeStd: config.magnitudeStd,
      colorJitter: config.jitter,
      erasing: config.erasing,
    }),
    repeats: config.repeats,
    ...options,
  });
  const { mixup: mixupAlpha, cutmix: cutmixAlpha, labelSmoothing } = config;
  if (mixupAlpha + cutmixAlpha === 0) return loader;
  const mixup = { classes: classes.length, mixupAlpha, cutmixAlpha, labelSmoothing };
  return new MixedBatches({ device, loader, mixup, seed });
}
