import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { Classifier } from "./classifier.js";
import { classifierFields } from "./classifierFields.js";
import type { LabelledMethod } from "./method.js";

/** What a classifier is made of. */
export interface ClassifierSettings {
  /** The encoder. */
  readonly encoder: VisionTransformerConfig;
  /** Number of classes. */
  readonly classes: number;
  /** Label smoothing of pictures that are not mixed. */
  readonly labelSmoothing: number;
  /** Standard deviation of the head's first weights. */
  readonly headDeviation: number;
  /** Draws the first weights. */
  readonly seed: number;
}

/** Fine-tuning as a row of the table of methods. */
export const classifierMethod: LabelledMethod<typeof classifierFields, ClassifierSettings> = {
  name: "classifier",
  title: "fine-tuning",
  paper: "the model of BEiT's fine-tuning: Bao et al. 2021, arXiv 2106.08254",
  fields: classifierFields,
  create: (device, { classes, encoder, headDeviation, labelSmoothing: smoothing, seed }) =>
    new Classifier(device, {
      encoder: new VisionTransformer(device, { ...encoder, finalNorm: false }, { seed }),
      ...{ classes, seed, smoothing, headDeviation },
    }),
};
