import type { View } from "@splitmask/augmentation";
import { add, multiply, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  VisionTransformer,
  type VisionTransformerConfig,
  type VisionTransformerDrawOptions,
} from "@splitmask/vit";
import type { CommonSettings } from "./method.js";

/**
 * The encoder's config by the settings that all methods have.
 *
 * @param defaults What a method has otherwise, such as fixed positions; an encoder that is given weights has its own.
 */
export function encoderConfig(
  settings: Pick<
    CommonSettings,
    "width" | "depth" | "heads" | "imageSize" | "patch" | "layerScale" | "dropPath" | "architecture"
  >,
  defaults: Partial<VisionTransformerConfig> = {},
): VisionTransformerConfig {
  const { architecture, depth, dropPath, heads, imageSize, layerScale, patch, width } = settings;
  const sizes = { imageSize, patchSize: patch, width, depth, heads, layerScale, dropPath };
  return { ...sizes, ...defaults, ...architecture };
}

/**
 * The encoder that was given, or a new one by the config that was.
 *
 * @param defaults What the config leaves open.
 */
export function givenEncoder(
  device: Device,
  given: VisionTransformerConfig | VisionTransformer,
  defaults: Partial<VisionTransformerConfig>,
  options: VisionTransformerDrawOptions,
): VisionTransformer {
  if (given instanceof VisionTransformer) return given;
  return new VisionTransformer(device, { ...defaults, ...given }, options);
}

/** The encoder's view of the pictures. */
export function encoderView({
  imageSize,
  mean,
  std,
}: Pick<CommonSettings, "imageSize" | "mean" | "std">): View {
  return { size: imageSize, mean, std };
}

/**
 * Pictures in the scale of the encoder's view brought to [−1, 1], in which reports draw them.
 *
 * @param pictures B×3×S×S.
 * @param settings The scale of the view.
 */
export function drawnPictures(pictures: Tensor, { mean, std }: Pick<CommonSettings, "mean" | "std">): Tensor {
  const ofChannels = (numbers: readonly number[]) =>
    tensor(
      pictures.device,
      numbers.map((number) => 2 * number),
      [1, numbers.length, 1, 1],
    );
  return add(multiply(pictures, ofChannels(std)), ofChannels(mean.map((number) => number - 0.5)));
}
