import { writeSafetensors } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { join, mkdir, writeFile } from "#platform";
import type { PictureNormalization } from "./pictureNormalization.js";
import { modelFileName, type ReadEncoderOptions, readEncoder } from "./readEncoder.js";
import { VisionTransformer } from "./visionTransformer.js";
import { type LibraryFormat, writers } from "./writtenEncoder.js";

/** An encoder with what has to be known to use it. */
export interface SavedEncoder {
  /** The encoder with its weights. */
  readonly encoder: VisionTransformer;
  /** How its pictures are normalized. */
  readonly normalization: PictureNormalization;
}

/** Options of `saveEncoder`. */
export interface SaveEncoderOptions {
  /**
   * Whom it is for: `"splitmask"`, or a folder for `"timm"` or `"transformers"` (`model.safetensors` with
   * `config.json`, for transformers `preprocessor_config.json` too). Default `"splitmask"`.
   */
  readonly format?: "splitmask" | LibraryFormat;
}

/**
 * Writes an encoder to a safetensors file: its weights by timm's names, and as metadata `format` (`"pt"`, as timm
 * expects it), `config` (the encoder's config as JSON) and `normalization` (`mean` and `std` as JSON).
 *
 * For another library it writes a folder, and the library's features are the encoder's: `"timm"` is for
 * `timm.create_model("local-dir:FOLDER", pretrained=True)`; `"transformers"` is a `ViTModel`, with register tokens a
 * `Dinov2WithRegistersModel`, and without a class token, which both of these always have, a `SiglipVisionModel`.
 *
 * @param path Where; an existing file is replaced once the new one is whole.
 * @param saved The encoder, and how its pictures are normalized.
 * @param options Whom it is for.
 * @throws Error (rejects) If the library has no such vision transformer.
 */
export async function saveEncoder(
  path: string,
  { encoder, normalization }: SavedEncoder,
  { format = "splitmask" }: SaveEncoderOptions = {},
): Promise<void> {
  const { mean, std } = normalization;
  if (format !== "splitmask") {
    const { files, tensors } = await writers[format](encoder.patch_embed.proj.bias.device, encoder, {
      mean,
      std,
    });
    await mkdir(path, { recursive: true });
    await writeSafetensors(join(path, modelFileName), tensors, { format: "pt" });
    for (const [name, content] of Object.entries(files))
      await writeFile(join(path, name), `${JSON.stringify(content, null, 2)}\n`);
    return;
  }
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
