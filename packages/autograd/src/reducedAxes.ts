import { resolveAxis, type Shape, sizeOf } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Options of reductions: `sum`, `mean`, `max` …. */
export interface ReductionOptions {
  /** The axes to reduce, negative ones counted from the end; default all. */
  readonly axes?: number | readonly number[];
  /** Whether the reduced axes stay, with extent 1. Default false. */
  readonly keepDimensions?: boolean;
}

/** What the options mean for one tensor. */
export interface ReducedAxes {
  /** For each axis, whether it is reduced. */
  readonly marked: readonly boolean[];
  /** The shape of the result. */
  readonly outputShape: Shape;
  /** How many elements become one. */
  readonly count: number;
}

/** Which axes of x are reduced. @throws RangeError If there is no such axis. */
export function reducedAxes(operation: string, x: Tensor, options: ReductionOptions): ReducedAxes {
  const { axes = x.shape.map((_, axis) => axis), keepDimensions = false } = options;
  const marked = new Array<boolean>(x.rank).fill(false);
  for (const axis of typeof axes === "number" ? [axes] : axes)
    marked[resolveAxis(operation, axis, x.rank)] = true;
  const outputShape = keepDimensions
    ? x.shape.map((extent, axis) => (marked[axis] ? 1 : extent))
    : x.shape.filter((_, axis) => !marked[axis]);
  return { marked, outputShape, count: sizeOf(x.shape.filter((_, axis) => marked[axis])) };
}
