import { type HostTensor, readSafetensors, type Tensor, writeSafetensors } from "@splitmask/autograd";
import type { PatchTransform } from "./patchTransform.js";

const format = "splitmask-tokenizer-1";

/** What is written of a tokenizer. */
interface SavedTokenizer {
  readonly name: string;
  readonly patchSize: number;
  readonly codebook: Tensor;
  readonly transform: PatchTransform;
}

/** Writes a tokenizer to a safetensors file: `codebook`, perhaps `mean`, and the options as metadata. */
export async function saveTokenizer(path: string, tokenizer: SavedTokenizer): Promise<void> {
  const { name, patchSize, codebook, transform } = tokenizer;
  const tensors = new Map<string, HostTensor>([["codebook", await codebook.toHost()]]);
  if (transform.mean !== null) tensors.set("mean", await transform.mean.toHost());
  await writeSafetensors(path, tensors, {
    format,
    name,
    patchSize: String(patchSize),
    pixelRange: transform.pixelRange,
    center: transform.center,
  });
}

/**
 * Reads what `saveTokenizer` wrote, to the host.
 *
 * @throws Error If the file is no tokenizer.
 */
export async function readTokenizerFile(path: string) {
  const { tensors, metadata } = await readSafetensors(path);
  const codebook = tensors.get("codebook");
  const { name, patchSize, pixelRange, center } = metadata;
  const mean = tensors.get("mean");
  if (
    metadata.format !== format ||
    codebook === undefined ||
    name === undefined ||
    (pixelRange !== "symmetric" && pixelRange !== "unit") ||
    (center !== "none" && center !== "patch" && center !== "mean") ||
    (center === "mean") !== (mean !== undefined)
  ) {
    throw new Error(
      `loadTokenizer: ${path} holds the tensors [${[...tensors.keys()].slice(0, 5).join(", ")}] and the ` +
        `format "${metadata.format ?? "none"}"; expected a file that Tokenizer.save wrote ("${format}").`,
    );
  }
  return { name, patchSize: Number(patchSize), codebook, pixelRange, center, mean: mean ?? null } as const;
}
