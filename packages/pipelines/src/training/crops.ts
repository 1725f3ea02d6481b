import type { Tensor } from "@splitmask/autograd";
import { type ImageDataset, ImageLoader, type View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { StepSettings } from "../settings/stepSettings.js";
import { trainingAugmentation } from "./augmentation.js";

/**
 * The crops of training for what a method makes before the first step.
 *
 * @param device Where they go.
 * @param dataset The pictures.
 * @param settings The settings of the crops, and the seed.
 * @returns See `PrepareRequest.crops`.
 */
export function trainingCrops(
  device: Device,
  dataset: ImageDataset,
  settings: StepSettings,
): (view: View, pictures: number) => AsyncGenerator<Tensor> {
  return async function* (view, pictures) {
    const batchSize = Math.min(64, dataset.length);
    const loader = new ImageLoader({
      dataset,
      device,
      batchSize,
      views: [view],
      seed: settings.seed,
      augmentation: trainingAugmentation(settings),
    });
    try {
      for (let step = 0; step * batchSize < pictures; step++) yield (await loader.batch(step)).views[0]!;
    } finally {
      loader.close();
    }
  };
}
