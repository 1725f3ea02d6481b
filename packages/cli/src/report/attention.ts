import { mean, noGrad, scope, slice } from "@splitmask/autograd";
import type { ImageBatch } from "@splitmask/data";
import type { VisionTransformer } from "@splitmask/vit";
import type { AttentionView } from "./data.js";
import { drawPictures, heatMap, pngOf } from "./draw.js";

/**
 * How much attention each patch receives in the encoder's last layer, head by head, averaged over the patches that look.
 *
 * @param encoder The encoder.
 * @param batch The pictures in the encoder's view, and in the tokenizer's to draw them.
 * @param names What the pictures are called.
 */
export async function attentionViews(
  encoder: VisionTransformer,
  batch: ImageBatch,
  names: readonly string[],
): Promise<AttentionView[]> {
  const [images, pixels] = batch.views;
  const { device } = images!;
  const [rows, columns] = encoder.grid;
  const received = noGrad(device, () =>
    scope(device, () => slice(mean(encoder.attentionMaps(images!), { axes: [2] }), 2, encoder.prefixTokens)),
  );
  const values = (await received.data()) as Float32Array;
  const heads = encoder.config.heads;
  const places = rows * columns;
  const originals = await drawPictures(pixels!, pixels!.shape[2]! / rows);
  return Promise.all(
    names.map(async (name, index) => ({
      name,
      original: await pngOf(originals, index),
      heads: await Promise.all(
        Array.from({ length: heads }, (_, head) => {
          const start = (index * heads + head) * places;
          return heatMap(values.subarray(start, start + places), [rows, columns]);
        }),
      ),
    })),
  );
}
