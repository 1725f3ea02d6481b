import { dimensions, type NumbersOf, strides } from "./defineKernel.js";

/** Extents, traffic and operations that several kernels have. */

type Table = NumbersOf<"rows" | "columns">;

/** One element a row. */
export const rows = (n: NumbersOf<"rows">): number => n.rows;
/** One element a column. */
export const columns = (n: NumbersOf<"columns">): number => n.columns;
/** A matrix of rows×columns. */
export const matrix = (n: Table): number => n.rows * n.columns;
/** A flat array. */
export const size = (n: NumbersOf<"size">): number => n.size;
/** One element. */
export const one = (): number => 1;
/** What is changed in place is read and written. */
export const twice =
  <Numbers>(extent: (numbers: Numbers) => number) =>
  (numbers: Numbers): number =>
    2 * extent(numbers);

/** An output that is added to where `accumulate` is not 0 is then also read. */
export const changed = (accumulate: number, elements: number): number =>
  accumulate === 0 ? elements : 2 * elements;

/** No operations. */
export const none = (): number => 0;
/** So many operations on each element of a matrix. */
export const perElement =
  (operations: number) =>
  (n: Table): number =>
    operations * n.rows * n.columns;
/** So many operations on each element of a flat array. */
export const perSize =
  (operations: number) =>
  (n: NumbersOf<"size">): number =>
    operations * n.size;

/** The furthest element of `batch` matrices of rows×columns, plus one. */
export function matrices(
  rows: number,
  columns: number,
  leading: number,
  batch: number,
  batchStride: number,
): number {
  if (rows === 0 || columns === 0 || batch === 0) return 0;
  return (batch - 1) * batchStride + (rows - 1) * leading + columns;
}

type Axis = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type Dimensions = NumbersOf<`dimension${Axis}`>;
type Strided<Name extends string> = Dimensions & NumbersOf<`${Name}Stride${Axis}`>;

const axes = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const dimensionNames = dimensions();

/** The numbers of an array by name, without the types of the names. */
type Numbers = Readonly<Record<string, number>>;

/** An array of the eight dimensions, dense. */
export const dense = (n: Dimensions): number =>
  dimensionNames.reduce((all, name) => all * (n as Numbers)[name]!, 1);

/** The furthest element of an array with the eight dimensions and its own strides, plus one; 0 when it is empty. */
export function strided<const Name extends string>(array: Name): (n: Strided<Name>) => number {
  const strideNames: readonly string[] = strides(array);
  return (n: Numbers) => {
    let last = 0;
    for (const axis of axes) {
      const extent = n[dimensionNames[axis]!]!;
      if (extent === 0) return 0;
      last += (extent - 1) * n[strideNames[axis]!]!;
    }
    return last + 1;
  };
}

/** Elements of such an array; what is repeated along an axis of stride 0 counts once. */
export function distinct<const Name extends string>(array: Name): (n: Strided<Name>) => number {
  const strideNames: readonly string[] = strides(array);
  return (n: Numbers) =>
    axes.reduce((all: number, axis) => {
      const extent = n[dimensionNames[axis]!]!;
      return n[strideNames[axis]!] === 0 && extent > 0 ? all : all * extent;
    }, 1);
}
