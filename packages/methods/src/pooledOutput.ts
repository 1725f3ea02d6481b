import { mean, reshape, scope, slice, type Tensor } from "@splitmask/autograd";
import type { ForwardContext } from "@splitmask/nn";
import type { VisionTransformer } from "@splitmask/vit";

/**
 * One vector a picture, with gradients: the class token's output where the encoder has one, else the mean of the
 * patches' outputs, which evaluations take too.
 *
 * @param images B×C×H×W, of any size in whole patches.
 * @returns B×D.
 */
export function pooledOutput(encoder: VisionTransformer, images: Tensor, context: ForwardContext): Tensor {
  return scope(images.device, () => {
    const tokens = encoder.forward(images, context);
    const [pictures, , width] = tokens.shape as readonly [number, number, number];
    if (encoder.cls_token === null) return mean(tokens, { axes: [1] });
    return reshape(slice(tokens, 1, 0, 1), [pictures, width]);
  });
}
