/** The sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** How many elements a tensor of this shape has. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** `4×196×384`; a scalar reads `scalar`. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? "scalar" : shape.join("×");
}

/** Whether both shapes have the same axes. */
export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/**
 * NumPy's broadcasting rule: shapes are aligned at the last axis, an extent of 1 (or a missing axis) repeats. Null
 * where they do not fit.
 */
export function broadcastShapes(a: Shape, b: Shape): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return null;
    shape[axis] = left === 1 ? right : left;
  }
  return shape;
}

/** Turns a possibly negative axis into 0 … rank − 1; throws with the operation's name otherwise. */
export function resolveAxis(operation: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new RangeError(
      `${operation}: axis ${axis} does not exist in a tensor of rank ${rank}; ` +
        `expected an integer from ${-rank} to ${rank - 1}.`,
    );
  }
  return resolved;
}

/** Throws unless every extent is a whole number ≥ 0 and the rank is at most 8 (the kernels' limit). */
export function checkShape(operation: string, shape: Shape): void {
  if (shape.length > 8) {
    throw new RangeError(
      `${operation}: a shape of rank ${shape.length} (${formatShape(shape)}) was given; ` +
        "tensors have at most 8 axes. Reshape neighboring axes together.",
    );
  }
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw new RangeError(
        `${operation}: the shape [${shape.join(", ")}] holds ${extent}; every extent has to be a whole number ≥ 0.`,
      );
    }
  }
}
