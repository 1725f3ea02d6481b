import { mean, noGrad, scope, slice, type Tensor } from "@splitmask/autograd";
import type { ImageBatch } from "@splitmask/data";
import type { VisionTransformer } from "@splitmask/vit";
import type { PictureView } from "../data.js";
import { dataUri, drawPictures, heatMap } from "./draw.js";

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
): Promise<PictureView[]> {
  const [images, pixels] = batch.views as [Tensor, Tensor];
  const { device } = images;
  const { config, grid, prefixTokens } = encoder;
  const { received, rolled } = noGrad(device, () =>
    scope(device, () => ({
      received: receivedByPatches(encoder.attentionMaps(images), 2, prefixTokens),
      rolled: receivedByPatches(encoder.attentionRollout(images), 1, prefixTokens),
    })),
  );
  const heads = (await received.data()) as Float32Array;
  const rollouts = (await rolled.data()) as Float32Array;
  const places = grid[0] * grid[1];
  const panel = async (caption: string, of: Float32Array, index: number) => ({
    caption,
    image: await heatMap(of.subarray(index * places, (index + 1) * places), grid),
  });
  const originals = await drawPictures(pixels);
  return Promise.all(
    names.map(async (name, index) => ({
      name,
      original: await dataUri(originals[index]!),
      panels: await Promise.all([
        panel("rollout", rollouts, index),
        ...Array.from({ length: config.heads }, (_, head) =>
          panel(`head ${head + 1}`, heads, index * config.heads + head),
        ),
      ]),
    })),
  );
}

/** …×N×N → …×P: what each of the P patches gets, averaged over the patches that look along `lookers`. */
function receivedByPatches(shares: Tensor, lookers: number, prefixTokens: number): Tensor {
  const looking = prefixTokens === 0 ? shares : slice(shares, lookers, prefixTokens);
  return slice(mean(looking, { axes: [lookers] }), lookers, prefixTokens);
}
