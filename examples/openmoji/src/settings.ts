import { defineConfig } from "@splitmask/pipelines";

/**
 * What is trained: sized so that the whole job takes about five minutes on two cores. Where it departs from the
 * command's defaults: crops from half of the drawing, because a drawing is its outline and smaller crops lose it; and
 * 1024 words fitted to the drawings, because random directions tell white paper from ink and little else, and a smaller
 * vocabulary leaves more time for steps.
 */
export const trainingConfig = defineConfig({
  width: 128,
  depth: 6,
  heads: 4,
  imageSize: 64,
  patch: 8,
  batch: 128,
  steps: 400,
  learningRate: 1e-3,
  cropScale: 0.5,
  mask: "block",
  tokenizer: "k-means",
  vocabulary: 1024,
  tokenizerPatches: 50_000,
});
