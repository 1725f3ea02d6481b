import {
  type ImageDataset,
  ImageLoader,
  type ImageLoaderOptions,
  MixedBatches,
  supervisedAugmentation,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { encoderView, type Method, type NamedView } from "@splitmask/methods";
import type { Normalization } from "../settings/normalization.js";
import type { ClassificationStep, StepSettings } from "../settings/stepSettings.js";
import { trainingAugmentation } from "./augmentation.js";

/** Where decoded pictures are kept, and what ends the loader; the loader's defaults when not given. */
export type BatchOptions = Pick<ImageLoaderOptions, "cacheBytes" | "cache" | "signal">;

/** What a batch of pre-training holds. */
export function pretrainingViews(
  method: Method,
  settings: StepSettings & Normalization,
): readonly NamedView[] {
  return method.views?.(settings) ?? [encoderView(settings)];
}

/**
 * The batches of pre-training: the method's views of each picture, with the settings' crops, flips and colors.
 *
 * @param device Where they go.
 * @param dataset The pictures.
 * @param method What they are for.
 * @param settings The run's.
 * @param options Where decoded pictures are kept, and what ends the loader.
 */
export function pretrainingBatches(
  device: Device,
  dataset: ImageDataset,
  method: Method,
  settings: StepSettings & Normalization,
  options: BatchOptions = {},
): ImageLoader {
  return new ImageLoader({
    dataset,
    device,
    batchSize: settings.batch,
    views: [...pretrainingViews(method, settings)],
    seed: settings.seed,
    augmentation: trainingAugmentation(settings),
    ...options,
  });
}

/**
 * The batches of a run with labels, augmented and mixed as its settings say.
 *
 * @param device Where they go.
 * @param dataset The labeled pictures.
 * @param classes Number of classes.
 * @param settings The run's.
 * @param options Where decoded pictures are kept, and what ends the loader.
 */
export function classificationBatches(
  device: Device,
  dataset: ImageDataset,
  classes: number,
  settings: ClassificationStep & Normalization,
  options: BatchOptions = {},
): ImageLoader | MixedBatches {
  const { seed } = settings;
  const loader = new ImageLoader({
    dataset,
    device,
    batchSize: settings.batch,
    views: [encoderView(settings)],
    seed,
    augmentation: supervisedAugmentation({
      mean: settings.mean,
      cropScale: settings.cropScale,
      horizontalFlip: settings.flip,
      magnitude: settings.magnitude,
      magnitudeStd: settings.magnitudeStd,
      colorJitter: settings.jitter,
      erasing: settings.erasing,
    }),
    repeats: settings.repeats,
    ...options,
  });
  const { cutmix: cutmixAlpha, labelSmoothing, mixup: mixupAlpha } = settings;
  if (mixupAlpha + cutmixAlpha === 0) return loader;
  return new MixedBatches({
    ...{ device, loader, seed },
    mixup: { classes, mixupAlpha, cutmixAlpha, labelSmoothing },
  });
}
