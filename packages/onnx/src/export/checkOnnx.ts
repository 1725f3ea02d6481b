import { absolute, max, noGrad, reshape, scope, subtract, type Tensor, uniform } from "@splitmask/autograd";
import { VisionTransformer } from "@splitmask/vit";
import { OnnxModel } from "../onnxModel.js";
import type { OnnxClassifier } from "./visionTransformerGraph.js";

/** A classifier that gives its logits, such as the `ClassifierModel` of `@splitmask/methods`. */
export interface ClassifyingModel extends OnnxClassifier {
  /** B×C×H×W → B×classes, without a graph. */
  classify(images: Tensor): Tensor;
}

/** Options of `checkOnnx`. */
export interface CheckOnnxOptions {
  /** How many random pictures are compared. Default 4. */
  readonly pictures?: number;
  /** [height, width] of them; default the size of the model's config. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Draws them. Default 0. */
  readonly seed?: number;
  /**
   * The largest difference that is allowed, as `checkOnnx` measures it; null: none is too large. Default 1e-4, which
   * float32 keeps; float16 needs about 1e-2, int8 has none that holds for all models.
   */
  readonly tolerance?: number | null;
}

/**
 * Runs an exported model in onnxruntime-node on random pictures and compares it with the model itself: every token of
 * an encoder, the logits of a classifier.
 *
 * @param path What `exportOnnx` wrote, with `pixels` as they are by default.
 * @param model The model that was written.
 * @param options Pictures and tolerance.
 * @returns The largest absolute difference over the largest absolute value (over 1 where that is smaller).
 * @throws Error (rejects) If the difference is above the tolerance, or onnxruntime-node is not installed.
 */
export async function checkOnnx(
  path: string,
  model: VisionTransformer | ClassifyingModel,
  options: CheckOnnxOptions = {},
): Promise<number> {
  const encoder = model instanceof VisionTransformer ? model : model.encoder;
  const { device } = encoder.patch_embed.proj.weight;
  const { imageSize = encoder.config.imageSize, pictures = 4, seed = 0, tolerance = 1e-4 } = options;
  const shape = [pictures, encoder.config.channels, ...imageSize] as const;
  const images = uniform(device, shape, { low: -2, high: 2, key: { seed, purpose: "checkOnnx" } });
  const own =
    model instanceof VisionTransformer ? model.encode(images, { pooling: "none" }) : model.classify(images);
  const exported = await OnnxModel.load(path);
  try {
    const given = await exported.run(images);
    const difference = await relativeDifference(given, own);
    if (tolerance !== null && !(difference <= tolerance)) {
      throw new Error(
        `checkOnnx: ${path} differs from the model by ${difference.toPrecision(3)} of the largest value; ` +
          `expected at most ${tolerance}. Export it again; a model with float16 or int8 weights needs a larger ` +
          "tolerance.",
      );
    }
    return difference;
  } finally {
    await exported.close();
  }
}

async function relativeDifference(given: Tensor, own: Tensor): Promise<number> {
  const largest = (x: Tensor) => max(reshape(absolute(x), [1, -1]));
  const { device } = own;
  const [difference, scale] = noGrad(device, () =>
    scope(device, () => [largest(subtract(given, own)), largest(own)] as const),
  );
  return ((await difference.data())[0]! as number) / Math.max(1, (await scale.data())[0]! as number);
}
