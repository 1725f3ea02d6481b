import { join } from "node:path";
import type { ImageDataset } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { Tokenizer } from "@splitmask/tokenizer";
import type { ResolvedConfig } from "../settings/resolve.js";
import type { Terminal } from "../terminal/terminal.js";
import { fitTokenizer } from "../training/fitTokenizer.js";

/** Name of the tokenizer's file in a run folder. */
export const tokenizerFile = "tokenizer.safetensors";

/** Fits the run's tokenizer and leaves it in the run folder. */
export async function makeTokenizerFile(
  device: Device,
  out: string,
  config: ResolvedConfig,
  dataset: ImageDataset,
  signal: AbortSignal | undefined,
  terminal: Terminal,
): Promise<Tokenizer> {
  const { tokenizer, statistics, patches } = await fitTokenizer(
    device,
    dataset,
    config,
    ({ doing, done, total }) =>
      terminal.progress(`tokenizer: ${doing} ${Math.floor((100 * done) / total)} %`),
    signal,
  );
  terminal.endProgress();
  terminal.line(
    `${terminal.style.bold("tokenizer")}: ${config.vocabulary} words, entropy ` +
      `${statistics.entropyBits.toFixed(2)} of ${Math.log2(config.vocabulary).toFixed(2)} bits ` +
      `(as many as ${Math.round(statistics.perplexity)} words used evenly), ${statistics.deadWords} words ` +
      `without any of ${patches} patches`,
  );
  await tokenizer.save(join(out, tokenizerFile));
  return tokenizer;
}
