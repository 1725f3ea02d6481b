import { type Decided, field } from "@splitmask/methods/settings";
import { type VisionTransformerPreset, visionTransformerPresets } from "@splitmask/vit/presets";
import { z } from "zod";

const modelNames = Object.keys(visionTransformerPresets) as [
  VisionTransformerPreset,
  ...VisionTransformerPreset[],
];
const sizes = Object.entries(visionTransformerPresets).map(
  ([name, model]) => `${name} ${Object.values(model).join("×")}`,
);

/** The encoder. */
export const modelFields = {
  model: field(z.enum(modelNames), {
    description:
      `Size of the encoder: ${sizes.join(", ")} (width × depth × heads). Default: the largest for which there ` +
      "are enough pictures, and time for enough updates",
    placeholder: "<name>",
  }),
  width: field(z.int().positive(), {
    description: "Width of the encoder's tokens; not together with model. Default: that of the chosen model",
    placeholder: "<n>",
  }),
  depth: field(z.int().positive(), {
    description: "Number of encoder blocks; not together with model. Default: that of the chosen model",
    placeholder: "<n>",
  }),
  heads: field(z.int().positive(), {
    description:
      "Number of attention heads, a divisor of the width; not together with model. Default: that of the chosen " +
      "model",
    placeholder: "<n>",
  }),
  imageSize: field(z.int().positive(), {
    description:
      "Side of the encoder's square input crop, in pixels. Default: chosen with the model for the size of the " +
      "pictures; for fine-tuning, that of pre-training",
    placeholder: "<pixels>",
  }),
  patch: field(z.int().positive(), {
    description:
      "Side of a patch in pixels; imageSize must be a multiple of it. Default: chosen with the model",
    placeholder: "<pixels>",
  }),
  dropPath: field(z.number().min(0).max(1), {
    description: "Drop path (stochastic depth) rate of the encoder's last block. Default: the recipe's",
    placeholder: "<share>",
  }),
  layerScale: field(z.number().positive(), {
    description: "Initial value of LayerScale. Default: no LayerScale",
    placeholder: "<value>",
  }),
};

/** The encoder's settings, decided. */
export type DecidedModel = Decided<Omit<typeof modelFields, "model">, "layerScale">;
