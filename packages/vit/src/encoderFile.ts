import { readSafetensors, writeSafetensors } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { VisionTransformerConfig } from "./config.js";
import { VisionTransformer } from "./visionTransformer.js";

/** Name of the encoder's file in a finished run folder. */
export const encoderFileName = "encoder.safetensors";

/** How pixels in [0, 1] become what an encoder sees: (pixel − mean) / std, for each channel. */
export interface PictureNormalization {
  /** One number a channel. */
  readonly mean: readonly number[];
  /** One number a channel, above 0. */
  readonly std: readonly number[];
}

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
 * Reads an encoder that a run or `saveEncoder` wrote: `await loadEncoder(device, "runs/photos")`.
 *
 * @param device Where the weights should be.
 * @param path A finished run folder, or a `.safetensors` file.
 * @throws Error (rejects) If there is no such file, or it is no encoder's.
 */
export async function loadEncoder(device: Device, path: string): Promise<SavedEncoder> {
  const file = path.endsWith(".safetensors") ? path : `${path.replace(/\/+$/, "")}/${encoderFileName}`;
  const { metadata, tensors } = await readSafetensors(file).catch((error: unknown) => {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new Error(
      `loadEncoder: there is no ${file}. Give a run folder whose pre-training has ended, or a file that saveEncoder ` +
        "wrote.",
      { cause: error },
    );
  });
  const config = parsed(file, metadata, "config") as unknown as VisionTransformerConfig;
  const { mean, std } = parsed(file, metadata, "normalization");
  const channels = config.channels ?? 3;
  if (
    ![mean, std].every((numbers) => isNumbers(numbers, channels)) ||
    (std as number[]).some((x) => x <= 0)
  ) {
    throw new Error(
      `loadEncoder: the normalization of ${file} is ${metadata.normalization}; ` +
        `expected mean and std with ${channels} numbers each, those of std above 0.`,
    );
  }
  const encoder = new VisionTransformer(device, config);
  encoder.loadStateDict(tensors);
  return { encoder, normalization: { mean, std } as PictureNormalization };
}

function isNumbers(value: unknown, count: number): boolean {
  return Array.isArray(value) && value.length === count && value.every(Number.isFinite);
}

/** A part of the metadata, which has to be an object as JSON. */
function parsed(
  file: string,
  metadata: Readonly<Record<string, string>>,
  name: "config" | "normalization",
): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(metadata[name]!);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw new Error(
    `loadEncoder: the metadata of ${file} has ${name} ${metadata[name] ?? "missing"}; expected an object as JSON, as ` +
      "saveEncoder writes it. Weights of other programs go into a VisionTransformer by loadStateDict.",
  );
}
