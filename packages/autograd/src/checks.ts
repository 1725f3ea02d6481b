import { describeOther } from "./copies.js";
import { isFloating } from "./elements.js";
import { equalShapes, formatShape, type Shape, sizeOf } from "./shape.js";
import { describe, Tensor } from "./tensor.js";

/** Throws unless a value is a tensor of this copy of the package. */
function checkTensor(operation: string, name: string, value: unknown): void {
  if (value instanceof Tensor) return;
  throw new TypeError(`${operation}: ${name} is ${describeOther(value)}.`);
}

/** Throws unless all given tensors hold one floating dtype. */
export function checkFloating(operation: string, tensors: Readonly<Record<string, Tensor | null>>): void {
  let first: string | null = null;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor === null) continue;
    checkTensor(operation, name, tensor);
    if (!isFloating(tensor.dtype)) {
      throw new TypeError(
        `${operation}: ${name} is ${describe(tensor)}; expected float32 or float64. ` +
          'Make it with tensor(device, data, shape, { dtype: "float32" }).',
      );
    }
    first ??= name;
    const other = tensors[first]!;
    if (other.dtype !== tensor.dtype) {
      throw new TypeError(
        `${operation}: ${first} is ${describe(other)} and ${name} is ${describe(tensor)}; ` +
          "both need the same dtype. Make them with the same { dtype }.",
      );
    }
  }
}

/** Throws unless the tensor holds int32. */
export function checkIntegers(operation: string, name: string, tensor: Tensor): void {
  checkTensor(operation, name, tensor);
  if (tensor.dtype !== "int32") {
    throw new TypeError(
      `${operation}: ${name} is ${describe(tensor)}; expected int32. Make it with tensor(device, Int32Array.of(…)).`,
    );
  }
}

/** Throws unless the tensor has one of the allowed ranks; `layout` says what they mean, e.g. `B×N×D`. */
export function checkRank(
  operation: string,
  name: string,
  tensor: Tensor,
  ranks: readonly number[],
  layout: string,
): void {
  if (!ranks.includes(tensor.rank)) {
    throw new RangeError(`${operation}: ${name} is ${formatShape(tensor.shape)}; expected ${layout}.`);
  }
}

/** Throws unless the tensor has this shape; `reason` says in the error why it must. */
export function checkSameShape(
  operation: string,
  name: string,
  tensor: Tensor,
  shape: Shape,
  reason: string,
): void {
  if (!equalShapes(tensor.shape, shape)) {
    throw new RangeError(
      `${operation}: ${name} is ${formatShape(tensor.shape)}; expected ${formatShape(shape)}, ${reason}.`,
    );
  }
}

/** Throws unless all given numbers are whole and at least `least`. */
export function checkWhole(operation: string, values: Readonly<Record<string, number>>, least: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`${operation}: ${name} is ${value}; expected a whole number ≥ ${least}.`);
    }
  }
}

/** A tensor seen as a matrix. */
export interface RowsAndColumns {
  /** The product of all axes but the last. */
  readonly rows: number;
  /** The last axis. */
  readonly columns: number;
}

/** Counts the last axis as columns and all others as rows, also if there are no columns; throws for a scalar. */
export function rowsAndColumns(operation: string, name: string, tensor: Tensor): RowsAndColumns {
  const columns = tensor.shape[tensor.rank - 1];
  if (columns === undefined) {
    throw new RangeError(`${operation}: ${name} is a scalar; expected at least one axis.`);
  }
  return { rows: sizeOf(tensor.shape.slice(0, -1)), columns };
}
