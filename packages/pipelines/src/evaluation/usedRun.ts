import { type ImageDataset, limitSkipped } from "@splitmask/data";
import { type EmbeddedDataset, embedDataset, embedLayers } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { LoadedEncoder } from "../runs/encoder.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import type { Terminal } from "../terminal/terminal.js";

/** A run whose model is used, and how pictures are shown to it. */
export interface UsedRun {
  /** A run folder, or a checkpoint folder inside one. */
  readonly run: string;
  /** Largest share of the pictures of a folder that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number;
  /** Pictures a step. Default 64. */
  readonly batch?: number;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** How a data set is gone through, and how that is told. */
export function goingThrough(
  pictures: ImageDataset,
  { batch = 64, maximumSkipped = defaultMaximumSkipped }: UsedRun,
  terminal: Terminal,
  doing: string,
) {
  return {
    dataset: limitSkipped(pictures, { maximumSkipped }),
    batchSize: batch,
    onProgress: (done: number, total: number) =>
      terminal.progress(`${done} of ${total} ${doing}`, done === total),
  };
}

/**
 * Embeds pictures with a run's encoder.
 *
 * @param what The pictures, for progress.
 * @param layers The blocks whose outputs are wanted, 0 for what goes into the first; null: the encoder's output alone.
 * @returns One for each layer.
 */
export async function embedPictures(
  device: Device,
  { encoder, view }: LoadedEncoder,
  pictures: ImageDataset,
  run: UsedRun,
  terminal: Terminal,
  what = "pictures",
  layers: readonly number[] | null = null,
): Promise<readonly [EmbeddedDataset, ...EmbeddedDataset[]]> {
  const options = { device, encoder, view, ...goingThrough(pictures, run, terminal, `${what} embedded`) };
  if (layers === null) return [await embedDataset(options)];
  const [first, ...others] = await embedLayers({ ...options, layers });
  return [first!, ...others];
}
