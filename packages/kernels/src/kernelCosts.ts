import { elementBytes } from "./dtype.js";
import { type AnyPart, elementType, entryOf } from "./kernelTable.js";
import type { ProfiledArguments, ProfiledKernel } from "./profile.js";

/** What a call costs, the same for every implementation. */
export interface KernelCost {
  /** Floating-point operations; a multiply-add is two, an elementary function (eˣ, √, …) one. */
  readonly operations: number;
  /**
   * Bytes that must be read plus bytes that must be written: each operand counts once, one that is changed in place
   * twice.
   */
  readonly bytes: number;
}

/**
 * Computes what a call costs, from its numbers alone.
 *
 * @param call - a call of a profile, or any object with the kernel, its dtype, its numbers and the names of the given
 * buffers
 */
export function kernelCost(
  call: Pick<ProfiledKernel, "kernel" | "dtype" | "numbers" | "buffers" | "each">,
): KernelCost {
  const entry = entryOf(call.kernel);
  let { operations, bytes } = partCost(entry, call, call.dtype, call.each.length);
  if (entry.each === null) return { operations, bytes };
  for (const item of call.each) {
    const part = partCost(entry.each, item, call.dtype, call.numbers);
    operations += part.operations;
    bytes += part.bytes;
  }
  return { operations, bytes };
}

/** @param context - for the call the number of items; for an item the numbers of the whole call */
function partCost(
  part: AnyPart,
  { numbers, buffers }: ProfiledArguments,
  dtype: "float32" | "float64",
  context: number | object,
): KernelCost {
  let bytes = 0;
  for (const name of buffers) {
    const { type, extent, traffic } = part.buffers[name]!;
    bytes += (traffic ?? extent)(numbers, context) * elementBytes[elementType(type, dtype, numbers)];
  }
  return { operations: part.operations(numbers, context, buffers), bytes };
}
