import { empty, kernelRandomKey, type Tensor } from "@splitmask/autograd";
import { type Device, splitModes } from "@splitmask/kernels";

/** Sizes and shapes of the blocks that BEiT's sampler masks one after the other. */
export interface BlockOptions {
  /** Smallest block in patches. Default: 16 of 196, BEiT's and the paper's, in proportion: max(1, round(N·16/196)). */
  readonly minimumBlock?: number;
  /**
   * Largest block in patches. Default: 75 of 196, the paper's, in proportion: max(minimumBlock, round(N·75/196)); for
   * BEiT as many as are masked, which is the same at its own share.
   */
  readonly maximumBlock?: number;
  /** Blocks' height : width lies between this and its inverse, log-uniform. Default 0.3, BEiT's. */
  readonly minimumAspect?: number;
}

/** BEiT's smallest and largest block, and how many patches it masks, of a grid of 14×14 patches. */
export const beitBlocks = { smallest: 16, largest: 75, masked: 75, patches: 196 } as const;

/**
 * Fills in the defaults for a grid.
 *
 * @param where Method and option, for errors, e.g. `"SplitMask: split"`.
 * @param patches N.
 * @param largest The default of `maximumBlock`, where it is not smaller than the smallest block.
 * @throws RangeError If the grid has no such blocks.
 */
export function resolveBlocks(
  where: string,
  options: BlockOptions,
  patches: number,
  largest = Math.round((patches * beitBlocks.largest) / beitBlocks.patches),
): Required<BlockOptions> {
  const smallest = Math.max(1, Math.round((patches * beitBlocks.smallest) / beitBlocks.patches));
  const { minimumBlock = smallest, minimumAspect = 0.3 } = options;
  const { maximumBlock = Math.max(minimumBlock, largest) } = options;
  if (
    !(minimumBlock >= 1 && minimumBlock <= maximumBlock && maximumBlock <= patches) ||
    !Number.isInteger(minimumBlock) ||
    !Number.isInteger(maximumBlock)
  ) {
    throw new RangeError(
      `${where}: blocks of ${minimumBlock} to ${maximumBlock} patches were asked for; ` +
        `expected whole numbers with 1 ≤ minimumBlock ≤ maximumBlock ≤ ${patches}.`,
    );
  }
  if (!(minimumAspect > 0 && minimumAspect <= 1)) {
    throw new RangeError(`${where}.minimumAspect is ${minimumAspect}; expected a number in (0, 1].`);
  }
  return { minimumBlock, maximumBlock, minimumAspect };
}

/** How two disjoint sets of patches are drawn for each picture. */
export interface PatchSetOptions extends Required<BlockOptions> {
  /**
   * `"block"`: the first set is BEiT's mask, topped up with single patches to exactly its size; the second is drawn of
   * the rest. `"uniform"`: both are drawn patch by patch.
   */
  readonly mode: "block" | "uniform";
  /** Patches in a column of the grid. */
  readonly rows: number;
  /** Patches in a row of the grid. */
  readonly columns: number;
  /** K: patches of each set, at most half of all. */
  readonly size: number;
}

/** For which pictures something is drawn. */
export interface DrawRequest {
  /** B. */
  readonly batch: number;
  /** The run's seed. */
  readonly seed: number;
  /** The step. */
  readonly step: number;
  /** The place of the first of these pictures in the step's batch. Default 0. */
  readonly firstSample?: number;
}

/** The first set of every picture, then the second of every picture, so that both are one batch without a copy. */
export interface PatchSets {
  /** int32 2B×K, rising. */
  readonly inside: Tensor;
  /** int32 2B×(N−K): all other patches, rising. */
  readonly outside: Tensor;
}

/**
 * Draws two disjoint sets of patches for each picture.
 *
 * @param purpose Makes the draws differ from those for anything else of the same seed and step.
 */
export function drawPatchSets(
  device: Device,
  purpose: string,
  { mode, rows, columns, size, minimumBlock, maximumBlock, minimumAspect }: PatchSetOptions,
  { batch, seed, step, firstSample = 0 }: DrawRequest,
): PatchSets {
  const inside = empty(device, [2 * batch, size], "int32");
  const outside = empty(device, [2 * batch, rows * columns - size], "int32");
  const key = kernelRandomKey({ seed, purpose, step });
  const second = ({ buffer, byteOffset, bytes }: Tensor) => ({ buffer, byteOffset: byteOffset + bytes / 2 });
  device.run("splitMasks", "float32", {
    first: inside,
    second: second(inside),
    firstHidden: outside,
    secondHidden: second(outside),
    batch,
    rows,
    columns,
    visible: size,
    mode: splitModes[mode],
    minimumBlock,
    maximumBlock,
    minimumAspect,
    seed: key.seed,
    purpose: key.purpose,
    step: key.step,
    sample0: firstSample,
  });
  return { inside, outside };
}
