import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { none } from "./extents.js";

/** Planes of height×width, each cut in windows of size×size that do not overlap. */
const sizes = ["planes", "height", "width", "size"] as const;
type Sizes = NumbersOf<(typeof sizes)[number]>;

const planes = (n: Sizes): number => n.planes * n.height * n.width;
const pooled = (n: Sizes): number => n.planes * Math.floor(n.height / n.size) * Math.floor(n.width / n.size);
const enlarged = (n: Sizes): number => planes(n) * n.size * n.size;

/** Changes of the resolution: planes are pictures of one channel each. */
export const pooling = {
  /**
   * The largest of each window, NaN where it has one: output planes×⌊height/size⌋×⌊width/size⌋. Rows and columns that
   * fill no window are left out.
   */
  maxPool: defineKernel({
    integers: sizes,
    buffers: { output: { output: true, extent: pooled }, input: { extent: planes } },
    operations: planes,
  }),
  /** inputGradient is outputGradient at the first place of the window's largest (a NaN is), and 0 elsewhere. */
  maxPoolBackward: defineKernel({
    integers: sizes,
    buffers: {
      inputGradient: { output: true, extent: planes },
      outputGradient: { extent: pooled },
      input: { extent: planes },
    },
    operations: planes,
  }),
  /** Every element repeated size×size times: output planes×(height·size)×(width·size). */
  upsampleNearest: defineKernel({
    integers: sizes,
    buffers: { output: { output: true, extent: enlarged }, input: { extent: planes } },
    operations: none,
  }),
  /** inputGradient planes×height×width: the sum of each element's size×size copies. */
  upsampleNearestBackward: defineKernel({
    integers: sizes,
    buffers: { inputGradient: { output: true, extent: planes }, outputGradient: { extent: enlarged } },
    operations: enlarged,
  }),
};
