import { empty, kernelRandomKey, slice, type Tensor } from "@splitmask/autograd";
import { type Device, splitModes } from "@splitmask/kernels";

/** How patches are split between the two branches. */
export interface PatchSplitOptions {
  /**
   * `"block"`: BEiT's random blocks, topped up with single patches to exactly half; the mask and its complement are the two branches (the paper's default).
   * `"uniform"`: patches drawn one by one. Default `"block"`.
   */
  readonly mode?: "block" | "uniform";
  /**
   * Share of the patches that a branch sees. Default 0.5. `"block"` allows 0.5 only. The paper's 75 % masking is `{ mode: "uniform", visible: 0.25 }`.
   */
  readonly visible?: number;
  /**
   * What the second branch sees: `"disjoint"`, as many other patches as the first (two quarters at 0.25: each predicts the other three quarters), or `"complement"`, all that the
   * first does not see (25 % and 75 %, the literal reading of the paper's rule). The same at 0.5. Default `"disjoint"`.
   */
  readonly second?: "disjoint" | "complement";
  /** Smallest block in patches. Default: 16 of 196, the paper's, in proportion: max(1, round(N·16/196)). */
  readonly minimumBlock?: number;
  /** Largest block in patches. Default: 75 of 196, the paper's, in proportion: max(minimumBlock, round(N·75/196)). */
  readonly maximumBlock?: number;
  /** Blocks' height : width lies between this and its inverse, log-uniform. Default 0.3, BEiT's. */
  readonly minimumAspect?: number;
}

/** Split options with every number filled in. */
export interface ResolvedPatchSplitOptions extends Required<PatchSplitOptions> {
  /** Patches in a column of the grid. */
  readonly rows: number;
  /** Patches in a row of the grid. */
  readonly columns: number;
  /** K, how many patches the first branch sees. */
  readonly visibleCount: number;
}

/**
 * Branches of equal length, which run as one batch. Rows are branch after branch: row r of `branches`·B belongs to picture r mod B.
 */
export interface BranchGroup {
  /** How many branches: 2, or 1 where the two differ in length. */
  readonly branches: number;
  /** int32 (branches·B)×K: the patches that a branch sees, rising. */
  readonly visible: Tensor;
  /** int32 (branches·B)×(N−K): the others, rising. */
  readonly hidden: Tensor;
}

/** One draw of splits for a batch: both branches of every picture. */
export type Splits = readonly BranchGroup[];

/** Draws splits; give your own to `SplitMask` for fixed ones. */
export type SplitSampler = (
  device: Device,
  request: {
    readonly batch: number;
    readonly split: ResolvedPatchSplitOptions;
    readonly seed: number;
    readonly step: number;
    /** The place of the first of these pictures in the step's batch. Default 0. */
    readonly firstSample?: number;
  },
) => Splits;

/**
 * Fills in the defaults for a grid.
 *
 * @throws RangeError If the grid cannot be split so; the text says which option to change.
 */
export function resolvePatchSplitOptions(
  options: PatchSplitOptions,
  grid: readonly [rows: number, columns: number],
): ResolvedPatchSplitOptions {
  const [rows, columns] = grid;
  const patches = rows * columns;
  const { mode = "block", visible = 0.5, second = "disjoint", minimumAspect = 0.3 } = options;
  const minimumBlock = options.minimumBlock ?? Math.max(1, Math.round((patches * 16) / 196));
  const maximumBlock = options.maximumBlock ?? Math.max(minimumBlock, Math.round((patches * 75) / 196));
  if (mode !== "block" && mode !== "uniform") {
    throw new RangeError(`SplitMask: split.mode is "${mode}"; expected "block" or "uniform".`);
  }
  if (second !== "disjoint" && second !== "complement") {
    throw new RangeError(`SplitMask: split.second is "${second}"; expected "disjoint" or "complement".`);
  }
  if (!(visible > 0 && visible <= 0.5)) {
    throw new RangeError(
      `SplitMask: split.visible is ${visible}; expected a number in (0, 0.5], the share of the patches that a branch sees.`,
    );
  }
  if (mode === "block" && visible !== 0.5) {
    throw new RangeError(
      `SplitMask: split.visible is ${visible} with mode "block", whose two branches are a mask and its complement, half and half. Use mode "uniform" for another share.`,
    );
  }
  if (mode === "block" && patches % 2 !== 0) {
    throw new RangeError(
      `SplitMask: a grid of ${rows}×${columns} has ${patches} patches, which have no halves for mode "block". Use mode "uniform", or a picture size with an even number of patches.`,
    );
  }
  const visibleCount = Math.floor(patches * visible);
  if (visibleCount < 1) {
    throw new RangeError(
      `SplitMask: a branch would see ${visible} of ${patches} patches, which is less than one. Use larger pictures, smaller patches or a larger share.`,
    );
  }
  if (
    !(minimumBlock >= 1 && minimumBlock <= maximumBlock && maximumBlock <= patches) ||
    !Number.isInteger(minimumBlock) ||
    !Number.isInteger(maximumBlock)
  ) {
    throw new RangeError(
      `SplitMask: blocks of ${minimumBlock} to ${maximumBlock} patches were asked for; expected whole numbers with 1 ≤ minimumBlock ≤ maximumBlock ≤ ${patches}.`,
    );
  }
  if (!(minimumAspect > 0 && minimumAspect <= 1)) {
    throw new RangeError(`SplitMask: split.minimumAspect is ${minimumAspect}; expected a number in (0, 1].`);
  }
  return { mode, visible, second, minimumBlock, maximumBlock, minimumAspect, rows, columns, visibleCount };
}

/** Draws the splits of a batch from (seed, step, place in the batch) alone. */
export const sampleSplits: SplitSampler = (device, { batch, split, seed, step, firstSample = 0 }) => {
  const { rows, columns, visibleCount, mode, minimumBlock, maximumBlock, minimumAspect } = split;
  const patches = rows * columns;
  // Both branches are written to one tensor, so that they are one batch without a copy.
  const visible = empty(device, [2 * batch, visibleCount], "int32");
  const hidden = empty(device, [2 * batch, patches - visibleCount], "int32");
  const halves = (both: Tensor) => [slice(both, 0, 0, batch), slice(both, 0, batch, 2 * batch)] as const;
  const [first, second] = halves(visible);
  const [firstHidden, secondHidden] = halves(hidden);
  const key = kernelRandomKey({ seed, purpose: "splitmask.splits", step });
  device.run("splitMasks", "float32", {
    first,
    second,
    firstHidden,
    secondHidden,
    batch,
    rows,
    columns,
    visible: visibleCount,
    mode: splitModes[mode],
    minimumBlock,
    maximumBlock,
    minimumAspect,
    seed: key.seed,
    purpose: key.purpose,
    step: key.step,
    sample0: firstSample,
  });
  if (split.second === "disjoint" || 2 * visibleCount === patches) return [{ branches: 2, visible, hidden }];
  return [
    { branches: 1, visible: first, hidden: firstHidden },
    { branches: 1, visible: firstHidden, hidden: first },
  ];
};
