import { join } from "node:path";
import type { ImageDataset } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { tokenizerPreparation, tokenizerView } from "@splitmask/methods";
import type { Tokenizer } from "@splitmask/tokenizer";
import type { ResolvedConfig } from "../settings/resolve.js";
import type { Terminal } from "../terminal/terminal.js";
import { trainingCrops } from "../training/crops.js";

/** Name of the tokenizer's file in a run folder. */
export const tokenizerFile = tokenizerPreparation.file;

/** Fits the run's tokenizer and leaves it in the run folder. */
export async function makeTokenizerFile(
  device: Device,
  out: string,
  config: ResolvedConfig,
  dataset: ImageDataset,
  signal: AbortSignal | undefined,
  terminal: Terminal,
): Promise<Tokenizer> {
  const { mean, std } = tokenizerView(config);
  const tokenizer = await tokenizerPreparation.make({
    device,
    settings: { ...config, mean, std },
    pictureCount: dataset.length,
    crops: trainingCrops(device, dataset, config),
    progress: (doing, share) => terminal.progress(`tokenizer: ${doing} ${Math.floor(100 * share)} %`),
    tell(subject, text) {
      terminal.endProgress();
      terminal.line(`${terminal.style.bold(subject)}: ${text}`);
    },
    ...(signal === undefined ? {} : { signal }),
  });
  await tokenizerPreparation.save(tokenizer, join(out, tokenizerFile));
  return tokenizer;
}
