import { add, noGrad, reshape, scatterTokens, scope, type Tensor } from "@splitmask/autograd";
import type { ForwardContext } from "@splitmask/nn";
import { drawnPictures } from "./encoderSettings.js";
import type { LookPanel, LookRequest } from "./looks.js";
import type { CommonSettings } from "./method.js";

/** The patches of pictures of which a method saw a part, in the scale of the encoder's view. */
export interface PaintedPatches {
  /** int32 B×K: the patches that were seen. */
  readonly visible: Tensor;
  /** int32 B×(N−K): the others. */
  readonly hidden: Tensor;
  /** B×K×3P²: pixels of the patches that were seen. */
  readonly seen: Tensor;
  /** B×(N−K)×3P²: pixels of the others, as predicted. */
  readonly predicted: Tensor;
  /** A figure of each picture, for the caption; none when left out. */
  readonly share?: LookPanel["share"];
}

/**
 * What a report shows of a method that predicts pixels: the patches that the encoder sees, and the painted picture.
 *
 * @param request The pictures.
 * @param paint What the method makes of B×3×S×S; it runs without a graph, and in a scope.
 */
export function paintedPanels(
  { batch, settings }: LookRequest<CommonSettings>,
  paint: (images: Tensor, context: ForwardContext) => PaintedPatches,
): LookPanel[] {
  const images = batch.views[0]!;
  /** A patch is a small picture. */
  const drawn = (patches: Tensor) => {
    const [pictures, places, size] = patches.shape as readonly [number, number, number];
    const side = Math.sqrt(size / 3);
    const small = reshape(patches, [pictures * places, 3, side, side]);
    return reshape(drawnPictures(small, settings), patches.shape);
  };
  return noGrad(images.device, () =>
    scope(images.device, (): LookPanel[] => {
      const painting = paint(images, { training: false, seed: settings.seed, step: 0 });
      const { hidden, predicted, share = null, visible } = painting;
      const seen = drawn(painting.seen);
      const all = visible.shape[1]! + hidden.shape[1]!;
      const patches = add(scatterTokens(seen, visible, all), scatterTokens(drawn(predicted), hidden, all));
      return [
        { caption: "the encoder sees", patches: seen, places: visible, share: null },
        { caption: "painted", patches, places: null, share },
      ];
    }),
  );
}
