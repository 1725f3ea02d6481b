import { mean, noGrad, scope, slice, type Tensor } from "@splitmask/autograd";
import type { ImageBatch } from "@splitmask/data";
import type { VisionTransformer } from "@splitmask/vit";
import type { AttentionView } from "../data.js";
import { drawPictures, heatMap, pngOf } from "./draw.js";

/**
 * Where the encoder looks: attention rollout through all layers, and how much attention each patch receives in the
 * last layer, head by head; both averaged over the patches that look, as the embedding is their mean.
 *
 * @param encoder The encoder.
 * @param batch The pictures in the encoder's view, and in [−1, 1] to draw them.
 * @param names What the pictures are called.
 */
export async function attentionViews(
  encoder: VisionTransformer,
  batch: ImageBatch,
  names: readonly string[],
): Promise<AttentionView[]> {
  const [images, pixels] = batch.views;
  const { device } = images!;
  const { grid, prefixTokens } = encoder;
  const [rows, columns] = grid;
  const { received, rolled } = noGrad(device, () =>
    scope(device, () => ({
      received: receivedByPatches(encoder.attentionMaps(images!), 2, prefixTokens),
      rolled: receivedByPatches(encoder.attentionRollout(images!), 1, prefixTokens),
    })),
  );
  const [values, shares] = (await Promise.all([received.data(), rolled.data()])) as [
    Float32Array,
    Float32Array,
  ];
  const heads = encoder.config.heads;
  const places = rows * columns;
  const map = (of: Float32Array, index: number) =>
    heatMap(of.subarray(index * places, (index + 1) * places), [rows, columns]);
  const originals = await drawPictures(pixels!, pixels!.shape[2]! / rows);
  return Promise.all(
    names.map(async (name, index) => ({
      name,
      original: await pngOf(originals, index),
      rollout: await map(shares, index),
      heads: await Promise.all(Array.from({ length: heads }, (_, head) => map(values, index * heads + head))),
    })),
  );
}

/** …×N×N → …×P: what each of the P patches gets, averaged over the patches that look along `lookers`. */
function receivedByPatches(shares: Tensor, lookers: number, prefixTokens: number): Tensor {
  const looking = prefixTokens === 0 ? shares : slice(shares, lookers, prefixTokens);
  return slice(mean(looking, { axes: [lookers] }), lookers, prefixTokens);
}
