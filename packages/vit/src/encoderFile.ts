import { writeSafetensors } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { PictureNormalization } from "./pictureNormalization.js";
import { type ReadEncoderOptions, readEncoder } from "./readEncoder.js";
import { VisionTransformer } from "./visionTransformer.js";

/** An encoder with what has to be known to use it. */
export interface SavedEncoder {
  /** The encoder with its weights. */
  readonly encoder: VisionTransformer;
  /** How its pictures are normalized. */
  readonly normalization: PictureNormalization;
}

/**
 * Writes an encoder to a safetensors file: its weights by timm's names, and as metadata `format` (`"pt"`, as timm
 * expects it), `config` (the encoder's config as JSON) and `normalization` (`mean` and `std` as JSON).
 *
 * @param path Where; an existing file is replaced once the new one is whole.
 * @param saved The encoder, and how its pictures are normalized.
 */
export async function saveEncoder(path: string, { encoder, normalization }: SavedEncoder): Promise<void> {
  const { mean, std } = normalization;
  await writeSafetensors(path, await encoder.hostStateDict(), {
    format: "pt",
    config: JSON.stringify(encoder.config),
    normalization: JSON.stringify({ mean, std }),
  });
}

/**
 * Reads an encoder that a run, `saveEncoder` or another library wrote: `await loadEncoder(device, "runs/photos")`.
 *
 * @param device Where the weights should be.
 * @param path A finished run folder, a `.safetensors` file, or a folder of timm's or transformers'; see `readEncoder`.
 * @param options What a file of another library does not say.
 * @throws Error (rejects) If there is no such file, or it is no encoder's.
 */
export async function loadEncoder(
  device: Device,
  path: string,
  options: ReadEncoderOptions = {},
): Promise<SavedEncoder> {
  const { config, normalization, tensors } = await readEncoder(path, options);
  const encoder = new VisionTransformer(device, config);
  encoder.loadStateDict(tensors);
  return { encoder, normalization };
}
