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
function broadcastStrides(shape: Shape, target: Shape): number[] {
  const missing = target.length - shape.length;
  const strides = stridesOf(shape);
  return target.map((_, axis) =>
    axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]!,
  );
}

/**
 * Numbers of a kernel with broadcasting: the output's sizes and, by name, the strides of inputs that are repeated to
 * them; neighboring axes are merged wherever all inputs allow it.
 */
export function broadcastNumbers<const Name extends string>(
  shape: Shape,
  inputs: Readonly<Record<Name, { readonly shape: Shape }>>,
): EightNumbers<"dimension"> & EightNumbers<`${Name}Stride`> {
  const names = Object.keys(inputs) as Name[];
  const all = names.map((name) => broadcastStrides(inputs[name].shape, shape));
  const merged = { shape: [] as number[], strides: names.map(() => [] as number[]) };
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    if (extent === 1) continue;
    const inner = merged.shape[0];
    if (
      inner !== undefined &&
      all.every((strides, input) => strides[axis] === merged.strides[input]![0]! * inner)
    ) {
      merged.shape[0] = inner * extent;
    } else {
      merged.shape.unshift(extent);
      for (const [input, strides] of all.entries()) merged.strides[input]!.unshift(strides[axis]!);
    }
  }
  return Object.assign(
    eight("dimension", merged.shape, 1),
    ...names.map((name, input) => eight(`${name}Stride`, merged.strides[input]!, 0)),
  );
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
