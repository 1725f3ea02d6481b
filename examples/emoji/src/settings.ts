import { defineConfig } from "@splitmask/pipelines";

/** Side of the rasterized pictures in pixels: somewhat more than the encoder's crops, which are cut out of them. */
export const pictureSize = 64;

/**
 * What is trained: a fixed number of steps, so that the result is the same on every machine. Where it departs from the
 * command's defaults: a small encoder, small pictures and small batches, because a short run gains more from many steps
 * than from detail; crops from 40 % of the drawing, because a drawing is its outline and smaller crops lose it; blocks
 * as masks; and 1024 words fitted to the drawings, because random directions tell white paper from ink and little else,
 * and a smaller vocabulary leaves more time for steps.
 */
export const trainingConfig = defineConfig({
  width: 96,
  depth: 4,
  heads: 3,
  imageSize: 48,
  patch: 8,
  batch: 64,
  steps: 2000,
  learningRate: 1e-3,
  cropScale: 0.4,
  mask: "block",
  tokenizer: "k-means",
  vocabulary: 1024,
  tokenizerPatches: 50_000,
});
