import { type Shape, sizeOf, stridesOf } from "../shape.js";

type Axis8 = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Eight numbers named `${prefix}0` … `${prefix}7`, as the strided kernels take them. */
export type EightNumbers<Prefix extends string> = { [Name in `${Prefix}${Axis8}`]: number };

/** Names values `prefix0` … `prefix7`, padded in front. */
export function eight<Prefix extends string>(
  prefix: Prefix,
  values: readonly number[],
  padding: number,
): EightNumbers<Prefix> {
  const named: Record<string, number> = {};
  const missing = 8 - values.length;
  for (let axis = 0; axis < 8; axis++)
    named[`${prefix}${axis}`] = axis < missing ? padding : values[axis - missing]!;
  return named as EightNumbers<Prefix>;
}

/** Numbers of the `permute` kernel: the output's sizes and the input's strides in the output's order. */
export function permuteNumbers(
  shape: Shape,
  strides: readonly number[],
): EightNumbers<"dimension"> & EightNumbers<"inputStride"> {
  return { ...eight("dimension", shape, 1), ...eight("inputStride", strides, 0) };
}

/** Strides with which a tensor of `shape` is read as if it had the shape `target`: 0 along axes that repeat. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const missing = target.length - shape.length;
  const strides = stridesOf(shape);
  return target.map((_, axis) =>
    axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]!,
  );
}

/** An output shape with the strides of two inputs, neighboring axes merged wherever both inputs allow it. */
export function mergeAxes(
  shape: Shape,
  aStrides: readonly number[],
  bStrides: readonly number[],
): { shape: number[]; aStrides: number[]; bStrides: number[] } {
  const merged = { shape: [] as number[], aStrides: [] as number[], bStrides: [] as number[] };
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    if (extent === 1) continue;
    const inner = merged.shape[0];
    if (
      inner !== undefined &&
      aStrides[axis] === merged.aStrides[0]! * inner &&
      bStrides[axis] === merged.bStrides[0]! * inner
    ) {
      merged.shape[0] = inner * extent;
    } else {
      merged.shape.unshift(extent);
      merged.aStrides.unshift(aStrides[axis]!);
      merged.bStrides.unshift(bStrides[axis]!);
    }
  }
  return merged;
}

/** A shape cut in outer × middle × inner around the axes `first` … `last`. */
export function splitAround(
  shape: Shape,
  first: number,
  last: number,
): { outer: number; middle: number; inner: number } {
  return {
    outer: sizeOf(shape.slice(0, first)),
    middle: sizeOf(shape.slice(first, last + 1)),
    inner: sizeOf(shape.slice(last + 1)),
  };
}
