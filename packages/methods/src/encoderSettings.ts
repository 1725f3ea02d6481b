import type { View } from "@splitmask/data";
import type { VisionTransformerConfig } from "@splitmask/vit";
import type { CommonSettings } from "./method.js";

/** The encoder's config by the settings that all methods have. */
export function encoderConfig(
  settings: Pick<
    CommonSettings,
    "width" | "depth" | "heads" | "imageSize" | "patch" | "layerScale" | "dropPath"
  >,
): VisionTransformerConfig {
  const { depth, dropPath, heads, imageSize, layerScale, patch, width } = settings;
  return { imageSize, patchSize: patch, width, depth, heads, layerScale, dropPath };
}

/** The encoder's view of the pictures. */
export function encoderView({
  imageSize,
  mean,
  std,
}: Pick<CommonSettings, "imageSize" | "mean" | "std">): View {
  return { size: imageSize, mean, std };
}
