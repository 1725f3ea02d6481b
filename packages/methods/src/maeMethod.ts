import type { VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { encoderConfig } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import { MaskedAutoencoder } from "./mae.js";
import { maeLooks } from "./maeLooks.js";
import type { CommonSettings, Method } from "./method.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field } from "./settings/field.js";

/** MAE's own settings. */
export const maeFields = {
  visible: field(z.number().gt(0).max(0.5), {
    description: "Share of the patches that the encoder sees; 0.25, which hides 75 %, when not given",
    placeholder: "<share>",
  }),
  normalizePixels: field(z.boolean(), {
    description: "Whether each hidden patch is predicted at mean 0 and variance 1; true when not given",
  }),
  decoderWidth: field(z.int().positive(), {
    description:
      "Width of the decoder's tokens, a multiple of 4; two thirds of the encoder's, and at most 512, when not given",
    placeholder: "<n>",
  }),
  decoderDepth: field(z.int().positive(), {
    description: "Number of decoder blocks; two thirds of the encoder's, and at most 8, when not given",
    placeholder: "<n>",
  }),
};

/** MAE's own settings, decided; null: as the encoder's size has it. */
export type MaeSettings = Decided<typeof maeFields, "decoderWidth" | "decoderDepth">;

function maeEncoder(settings: CommonSettings): VisionTransformerConfig {
  return { ...encoderConfig(settings), positions: "sincos" };
}

/** MAE as a row of the table of methods; the recipe is table 8 of the paper. */
export const maeMethod: Method<typeof maeFields, MaeSettings, undefined> = {
  name: "mae",
  title: "MAE",
  paper: "He et al. 2021, arXiv 2111.06377",
  fields: maeFields,
  recipe: {
    learningRate: { value: 2.4e-3, batch: 4096, width: 768 },
    peakToMinimum: Number.POSITIVE_INFINITY,
    warmupShare: 40 / 800,
    betas: [0.9, 0.95],
    weightDecay: 0.05,
    clip: 0,
    dropPath: 0,
    cropScale: 0.2,
    colorsForFew: false,
  },
  decide(given, { patches }, decisions) {
    const visible = given.visible ?? 0.25;
    const seen = Math.floor(visible * patches);
    if (seen < 1)
      throw contradiction(
        "visible",
        `${visible} of ${patches} patches is none; use more, or a smaller patch`,
      );
    decisions.note(
      "mask",
      `${patches - seen} of ${patches} patches hidden`,
      given.visible === undefined ? "the paper's 75 %, drawn uniformly" : "given",
    );
    return {
      visible,
      normalizePixels: given.normalizePixels ?? true,
      decoderWidth: given.decoderWidth ?? null,
      decoderDepth: given.decoderDepth ?? null,
    };
  },
  encoder: maeEncoder,
  create(device, settings) {
    const { decoderDepth: depth, decoderWidth: width, normalizePixels, seed, visible } = settings;
    return new MaskedAutoencoder(device, {
      encoder: maeEncoder(settings),
      decoder: { ...(width === null ? {} : { width }), ...(depth === null ? {} : { depth }) },
      ...{ visible, normalizePixels, seed },
    });
  },
  figures: {
    ...spreadFigures,
    explainedVariance: {
      title: "Explained variance",
      caption:
        "Of the pixels of hidden patches: 1 if all are predicted exactly, 0 if no better than by one and the same patch.",
    },
  },
  look: (task, request) => maeLooks(task as MaskedAutoencoder, request),
};
