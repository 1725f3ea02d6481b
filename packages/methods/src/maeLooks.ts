import { add, gatherTokens, multiply, noGrad, scope, type Tensor, tensor } from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import type { LookPanel, LookRequest, Looks } from "./looks.js";
import type { MaskedAutoencoder } from "./mae.js";
import type { CommonSettings } from "./method.js";

/**
 * What a report shows of MAE: for each picture the patches that the encoder sees, and the whole picture as it is painted
 * from them.
 *
 * @param task The trained method.
 * @param request The pictures.
 */
export function maeLooks(task: MaskedAutoencoder, request: LookRequest<CommonSettings>): Looks {
  const { batch, settings } = request;
  const { encoder } = task.model;
  const { device } = batch.views[0]!;
  const panels = noGrad(device, () =>
    scope(device, (): LookPanel[] => {
      const { pictures, visible } = task.reconstruct(batch, {
        ...{ training: false, seed: settings.seed, step: 0 },
      });
      const patches = patchify(drawnPixels(pictures, settings), encoder.config.patchSize);
      return [
        { caption: "seen", patches: gatherTokens(patches, visible), places: visible, share: null },
        { caption: "painted", patches, places: null, share: null },
      ];
    }),
  );
  return {
    title: "Pictures painted from a part of their patches",
    lead: "The encoder sees some patches of a picture, drawn at random, and the decoder paints all the others.",
    note: task.config.normalizePixels
      ? "What is painted is the structure of each patch: its brightness and contrast, which the method does not predict, are taken from the picture."
      : "The patches that the encoder saw are as they are in the picture.",
    panels,
    tokenizer: null,
  };
}

/** Pixels of the encoder's view, B×3×S×S, in [−1, 1]. */
function drawnPixels(pixels: Tensor, { mean, std }: Pick<CommonSettings, "mean" | "std">): Tensor {
  const ofChannels = (values: readonly number[]) => tensor(pixels.device, [...values], [3, 1, 1]);
  return add(
    multiply(pixels, ofChannels(std.map((value) => 2 * value))),
    ofChannels(mean.map((value) => 2 * value - 1)),
  );
}
