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
      `Encoder size by name: ${sizes.join(", ")} (width × depth × heads); the largest that gets enough pictures ` +
      "and updates in the time when not given",
    placeholder: "<name>",
  }),
  width: field(z.int().positive(), {
    description: "Width of the encoder's tokens; instead of model, which decides it when not given",
    placeholder: "<n>",
  }),
  depth: field(z.int().positive(), {
    description: "Number of encoder blocks; instead of model, which decides it when not given",
    placeholder: "<n>",
  }),
  heads: field(z.int().positive(), {
    description:
      "Attention heads, of which width must be a multiple; instead of model, which decides them when not given",
    placeholder: "<n>",
  }),
  imageSize: field(z.int().positive(), {
    description:
      "Side of the square crop that the encoder sees, in pixels; chosen with the model by the size of the pictures, " +
      "to fine-tune as in pre-training, when not given",
    placeholder: "<pixels>",
  }),
  patch: field(z.int().positive(), {
    description:
      "Side of a patch in pixels, of which imageSize must be a multiple; chosen with the model when not given",
    placeholder: "<pixels>",
  }),
  dropPath: field(z.number().min(0).max(1), {
    description: "Stochastic depth of the encoder's last block, 0 to 1; the recipe's when not given",
    placeholder: "<share>",
  }),
  layerScale: field(z.number().positive(), {
    description: "Initial layer scale; none when not given",
    placeholder: "<value>",
  }),
};

/** The encoder's settings, decided. */
export type DecidedModel = Decided<Omit<typeof modelFields, "model">, "layerScale">;
