import { distributions, splitModes } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { matrix, none, size } from "./extents.js";

type Split = NumbersOf<"batch" | "rows" | "columns" | "visible">;
const shown = (n: Split): number => n.batch * n.visible;
const hidden = (n: Split): number => n.batch * (n.rows * n.columns - n.visible);

/**
 * Random draws: Philox 4×32-10 with the key (low word of seed, purpose) and the counter (element / 4, sample, step,
 * high word of seed).
 */
export const random = {
  /**
   * Numbers of a distribution (`distributions`). One word an element: uniform numbers have its upper 24 bits, normal
   * ones come by the inverse CDF; float64 holds the same draws, float32 their rounding.
   */
  random: defineKernel({
    integers: ["size", "distribution", "seed", "purpose", "step", "sample"],
    values: ["a", "b", "low", "high"],
    codes: { distribution: distributions },
    buffers: { output: { output: true, extent: size } },
    operations: none,
  }),
  /**
   * output = input·mask: the mask is 1 / (1 − probability) with probability 1 − probability, else 0. Row r has the
   * numbers that `random` gives as `bernoulli` for a sample of its own: sample + r, or with fewer than `rows` samples
   * (count) of a batch of `total`, repeated one behind the other, sample + ⌊r / count⌋·total + r % count. They are made
   * anew in each call and never in memory. In place.
   */
  dropout: defineKernel({
    integers: ["rows", "columns", "count", "total", "seed", "purpose", "step", "sample"],
    values: ["probability"],
    buffers: { output: { output: true, extent: matrix }, input: { extent: matrix } },
    operations: matrix,
  }),
  /**
   * Splits of B images' patches (rows×columns grid) in two disjoint halves or quarters. first, second B×K with K =
   * visible patches a branch, rising; firstHidden, secondHidden B×(N−K): the complement of each, rising. mode block:
   * BEiT's block mask (minimumBlock, maximumBlock patches a block, aspect ≥ minimumAspect, log-uniform) topped up with
   * uniformly drawn patches to exactly K; first = masked places, second K of the rest (all of it when K = N/2). mode
   * uniform: first and second are two disjoint sets of K. Sample b uses counter (·, sample0 + b, step).
   */
  splitMasks: defineKernel({
    integers: ["batch", "rows", "columns", "visible", "mode", "seed", "purpose", "step", "sample0"],
    values: ["minimumBlock", "maximumBlock", "minimumAspect"],
    codes: { mode: splitModes },
    buffers: {
      first: { output: true, type: "int32", extent: shown },
      second: { output: true, type: "int32", extent: shown },
      firstHidden: { output: true, type: "int32", extent: hidden },
      secondHidden: { output: true, type: "int32", extent: hidden },
    },
    operations: none,
  }),
};
