import { defineConfig } from "@splitmask/cli";

/** What is trained: sized so that the whole job takes about five minutes on two cores. */
export const trainingConfig = defineConfig({
  width: 128,
  depth: 6,
  heads: 4,
  imageSize: 64,
  patch: 8,
  batch: 128,
  steps: 500,
  learningRate: 1e-3,
  cropScale: 0.2,
  mask: "block",
});
