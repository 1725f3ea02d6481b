import type { WeightFormat } from "@splitmask/autograd";
import { type ImageDataset, limitSkipped } from "@splitmask/data";
import { type EmbeddedDataset, embedDataset, embedLayers } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import { InferenceEncoder } from "@splitmask/vit";
import { withDevice } from "../machine/withDevice.js";
import { withPictures } from "../pictures/openFiles.js";
import { encoderOfRun, type LoadedEncoder } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import type { Terminal } from "../terminal/terminal.js";

/** A run whose model is used, and how pictures are shown to it. */
export interface UsedRun {
  /**
   * A run folder, a checkpoint folder inside one, or an encoder's file as `readEncoder` of `@splitmask/vit` takes it.
   */
  readonly run: string;
  /** Largest share of the pictures of a folder that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number;
  /** Pictures a step. Default 64. */
  readonly batch?: number;
  /** How the weights of the encoder's linear layers are stored and multiplied. Default `"float32"`. */
  readonly weights?: WeightFormat;
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

/** A run's encoder at work. */
interface EncoderSession extends Omit<LoadedEncoder, "view"> {
  readonly device: Device;
  /**
   * Embeds pictures, called as given in progress: one for the encoder's output, or for what each of some blocks gives.
   */
  embed(
    pictures: ImageDataset,
    what?: string,
    layers?: readonly number[] | null,
    pooling?: "mean" | "patches",
  ): Promise<readonly [EmbeddedDataset, ...EmbeddedDataset[]]>;
}

/** Works with a run's encoder on pictures, and lets go of all of them behind the work. */
export function withEncoder<Result>(
  request: UsedRun & RunMethod & { readonly untrained?: boolean },
  pictures: readonly ImageDataset[],
  terminal: Terminal,
  work: (session: EncoderSession) => Promise<Result>,
): Promise<Result> {
  return withPictures(pictures, () =>
    withDevice(request.threads, async (device) => {
      const { view, ...loaded } = await encoderOfRun(device, request);
      const { weights = "float32" } = request;
      const encoder = new InferenceEncoder(loaded.encoder, { weights });
      return work({
        ...{ ...loaded, device },
        async embed(dataset, what = "pictures", layers = null, pooling = "mean") {
          const shown = goingThrough(dataset, request, terminal, `${what} embedded`);
          const options = { device, encoder, view, ...shown };
          if (layers === null) return [await embedDataset({ ...options, pooling })];
          const [first, ...others] = await embedLayers({ ...options, layers });
          return [first!, ...others];
        },
      });
    }),
  );
}
