import { scope, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { CodebookTokenizer } from "./codebookTokenizer.js";
import { readTokenizerFile } from "./tokenizerFile.js";

/**
 * Reads back what `Tokenizer.save` wrote; the tokenizer gives the same words as before, bit for bit.
 *
 * @param device Where the words should be.
 * @param path The safetensors file.
 * @throws Error If the file is no tokenizer.
 */
export async function loadTokenizer(device: Device, path: string): Promise<CodebookTokenizer> {
  const { name, patchSize, codebook, pixelRange, center, mean } = await readTokenizerFile(path);
  return scope(device, () => {
    const transform = { pixelRange, center, mean: mean && tensor(device, mean) };
    return new CodebookTokenizer(device, { name, patchSize, codebook: tensor(device, codebook), transform });
  });
}
