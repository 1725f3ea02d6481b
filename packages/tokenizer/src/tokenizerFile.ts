import {
  type HostTensor,
  readSafetensors,
  type SafetensorsFile,
  type Tensor,
  writeSafetensors,
} from "@splitmask/autograd";
import type { Tokenizer } from "./tokenizer.js";

const format = "splitmask-tokenizer-1";

/** What the file of every tokenizer says. */
export interface TokenizerFile extends SafetensorsFile {
  /** The kind that wrote it. */
  readonly name: string;
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** P, the side of a patch in pixels of the tokenizer's view. */
  readonly patchSize: number;
}

/**
 * Writes a tokenizer to one safetensors file.
 *
 * @param path Where; an existing file is replaced once the new one is whole.
 * @param tokenizer Its name and sizes become metadata.
 * @param tensors By name.
 * @param options The kind's own options, as further metadata.
 */
export async function writeTokenizerFile(
  path: string,
  { name, patchSize, vocabularySize }: Pick<Tokenizer, "name" | "patchSize" | "vocabularySize">,
  tensors: Iterable<readonly [string, Tensor]>,
  options: Readonly<Record<string, string>> = {},
): Promise<void> {
  const hosts = new Map<string, HostTensor>();
  for (const [key, value] of tensors) hosts.set(key, await value.toHost());
  const sizes = { patchSize: String(patchSize), vocabularySize: String(vocabularySize) };
  await writeSafetensors(path, hosts, { format, name, ...sizes, ...options });
}

/**
 * Reads what `writeTokenizerFile` wrote, to the host.
 *
 * @throws Error (rejects) If the file is no tokenizer.
 */
export async function readTokenizerFile(path: string): Promise<TokenizerFile> {
  const { tensors, metadata } = await readSafetensors(path);
  const { name } = metadata;
  const sizes = { patchSize: Number(metadata.patchSize), vocabularySize: Number(metadata.vocabularySize) };
  const areSizes = Object.values(sizes).every((size) => Number.isSafeInteger(size) && size > 0);
  if (metadata.format !== format || name === undefined || !areSizes) {
    throw new Error(
      `loadTokenizer: ${path} holds the tensors [${[...tensors.keys()].slice(0, 5).join(", ")}] and the ` +
        `format "${metadata.format ?? "none"}"; expected a file that Tokenizer.save wrote ("${format}").`,
    );
  }
  return { name, ...sizes, tensors, metadata };
}
