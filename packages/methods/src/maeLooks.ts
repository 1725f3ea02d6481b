import { gatherTokens, relu } from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import type { LookRequest, Looks } from "./looks.js";
import type { MaskedAutoencoder } from "./mae.js";
import type { CommonSettings } from "./method.js";
import { paintedPanels } from "./paintedPanels.js";

/**
 * What a report shows of MAE: the patches that the encoder sees, and the picture painted from them.
 *
 * @param task The trained method.
 * @param request The pictures.
 */
export function maeLooks(task: MaskedAutoencoder, request: LookRequest<CommonSettings>): Looks {
  const panels = paintedPanels(request, (_, context) => {
    const { explained, hidden, pictures, visible } = task.reconstruct(request.batch, context);
    const { patchSize } = task.model.encoder.config;
    // A share is at least 0, and predictions may be worse than that.
    const share = { name: "explained", values: relu(explained) };
    const patches = patchify(pictures, patchSize);
    const [seen, predicted] = [gatherTokens(patches, visible), gatherTokens(patches, hidden)];
    return { visible, hidden, seen, predicted, share };
  });
  const scale = task.config.normalizePixels
    ? "at their true brightness and contrast, of which nothing is predicted"
    : "as they were predicted";
  return {
    title: "Pictures painted from a few of their patches",
    lead:
      "The encoder sees a few patches of a picture, drawn by chance, and the decoder predicts the pixels of all others; " +
      "here they are painted.",
    note:
      `Patches that were seen are shown as they are, the others ${scale}. “Explained” is the share of the variance of ` +
      "the hidden patches that the predictions explain: 0 % where they are no better than one and the same patch.",
    panels,
    tokenizer: null,
  };
}
