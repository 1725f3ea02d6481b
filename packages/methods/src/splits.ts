import { slice, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type BlockOptions, type DrawRequest, drawPatchSets, resolveBlocks } from "./blockMask.js";

/** How patches are split between the two branches. */
export interface PatchSplitOptions extends BlockOptions {
  /**
   * `"block"`: BEiT's random blocks, topped up with single patches to exactly half; the mask and its complement are the
   * two branches (the paper's default). `"uniform"`: patches drawn one by one. Default `"block"`.
   */
  readonly mode?: "block" | "uniform";
  /**
   * Share of the patches that a branch sees. Default 0.5. `"block"` allows 0.5 only. The paper's 75 % masking is `{
   * mode: "uniform", visible: 0.25 }`.
   */
  readonly visible?: number;
  /**
   * What the second branch sees: `"disjoint"`, as many other patches as the first (two quarters at 0.25: each predicts
   * the other three quarters), or `"complement"`, all that the first does not see (25 % and 75 %, the literal reading
   * of the paper's rule). The same at 0.5. Default `"disjoint"`.
   */
  readonly second?: "disjoint" | "complement";
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
 * Branches of equal length, which run as one batch. Rows are branch after branch: row r of `branches`·B belongs to
 * picture r mod B.
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
  request: DrawRequest & { readonly split: ResolvedPatchSplitOptions },
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
  const { mode = "block", visible = 0.5, second = "disjoint" } = options;
  if (mode !== "block" && mode !== "uniform") {
    throw new RangeError(`SplitMask: split.mode is "${mode}"; expected "block" or "uniform".`);
  }
  if (second !== "disjoint" && second !== "complement") {
    throw new RangeError(`SplitMask: split.second is "${second}"; expected "disjoint" or "complement".`);
  }
  if (!(visible > 0 && visible <= 0.5)) {
    throw new RangeError(
      `SplitMask: split.visible is ${visible}; ` +
        "expected a number in (0, 0.5], the share of the patches that a branch sees.",
    );
  }
  if (mode === "block" && visible !== 0.5) {
    throw new RangeError(
      `SplitMask: split.visible is ${visible} with mode "block", whose two branches are a mask and its ` +
        'complement, half and half. Use mode "uniform" for another share.',
    );
  }
  if (mode === "block" && patches % 2 !== 0) {
    throw new RangeError(
      `SplitMask: a grid of ${rows}×${columns} has ${patches} patches, which have no halves for mode ` +
        '"block". Use mode "uniform", or a picture size with an even number of patches.',
    );
  }
  const visibleCount = Math.floor(patches * visible);
  if (visibleCount < 1) {
    throw new RangeError(
      `SplitMask: a branch would see ${visible} of ${patches} patches, which is less than one. ` +
        "Use larger pictures, smaller patches or a larger share.",
    );
  }
  const blocks = resolveBlocks("SplitMask: split", options, patches);
  return { mode, visible, second, ...blocks, rows, columns, visibleCount };
}

/** Draws the splits of a batch from (seed, step, place in the batch) alone. */
export const sampleSplits: SplitSampler = (device, { split, ...request }) => {
  const { rows, columns, visibleCount: size } = split;
  const { inside, outside } = drawPatchSets(device, "splitmask.splits", { ...split, size }, request);
  if (split.second === "disjoint" || 2 * size === rows * columns) {
    return [{ branches: 2, visible: inside, hidden: outside }];
  }
  const [first, rest] = [inside, outside].map((both) => slice(both, 0, 0, request.batch)) as [Tensor, Tensor];
  return [
    { branches: 1, visible: first, hidden: rest },
    { branches: 1, visible: rest, hidden: first },
  ];
};
