import type { Device } from "@splitmask/kernels";
import type { Tokenizer } from "./tokenizer.js";
import { readTokenizerFile } from "./tokenizerFile.js";
import type { TokenizerKind } from "./tokenizerKind.js";
import { tokenizerKinds } from "./tokenizerKinds.js";

/**
 * Reads back what `save` of a tokenizer of `tokenizerKinds` wrote; it gives the same words as before, bit for bit.
 *
 * @param device Where the words should be.
 * @param path The safetensors file.
 * @throws Error (rejects) If the file is no tokenizer, or one of another kind.
 */
export async function loadTokenizer(device: Device, path: string): Promise<Tokenizer> {
  const { name } = await readTokenizerFile(path);
  const kinds: Readonly<Record<string, TokenizerKind>> = tokenizerKinds;
  const kind = kinds[name];
  if (kind !== undefined) return kind.load(device, path);
  throw new Error(
    `loadTokenizer: ${path} is a tokenizer of the kind "${name}"; expected one of ` +
      `${Object.keys(kinds).join(", ")}. Call what reads that kind instead.`,
  );
}
