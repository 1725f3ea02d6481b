import type { DType } from "./dtype.js";
import { attention } from "./kernels/attention.js";
import { clustering } from "./kernels/clustering.js";
import { anyElementTypes } from "./kernels/codes.js";
import { convolutions } from "./kernels/convolutions.js";
import type { FixedType, KernelPart } from "./kernels/defineKernel.js";
import { elementwise } from "./kernels/elementwise.js";
import { limits } from "./kernels/limits.js";
import { linearLosses } from "./kernels/linearLosses.js";
import { losses } from "./kernels/losses.js";
import { movement } from "./kernels/movement.js";
import { normalization } from "./kernels/normalization.js";
import { optimizers } from "./kernels/optimizers.js";
import { packedProducts } from "./kernels/packedProducts.js";
import { pictures } from "./kernels/pictures.js";
import { pooling } from "./kernels/pooling.js";
import { products } from "./kernels/products.js";
import { random } from "./kernels/random.js";
import { reductions } from "./kernels/reductions.js";

/** @internal The kernels by subject. A group has one file each in `kernels`, in `native/naive` and in `native/fast`. */
export const kernelGroups = {
  movement,
  elementwise,
  reductions,
  products,
  packedProducts,
  convolutions,
  pooling,
  attention,
  normalization,
  losses,
  linearLosses,
  random,
  optimizers,
  pictures,
  limits,
  clustering,
};

/**
 * All kernels, with everything about them except their code. From this table come the types of `device.run(name, …)`,
 * the checks of its arguments, and the costs of calls. The registry of the native addon and its structs of named
 * arguments are generated from it. A device compares it with the entries that its backend was compiled from.
 *
 * Conventions. All arrays are contiguous and row-major. Buffers hold the call's `dtype` (float32, or float64 with the
 * naive kernels) unless they have a type. Calls of either dtype may have bfloat16 buffers. An index of −1 means "none",
 * as NaN does for fractions: kernels that search for the largest value write it, kernels that compute numbers from
 * indices return NaN for it, and kernels that gather by index report it as an error.
 */
export const kernelTable = {
  ...movement,
  ...elementwise,
  ...reductions,
  ...products,
  ...packedProducts,
  ...convolutions,
  ...pooling,
  ...attention,
  ...normalization,
  ...losses,
  ...linearLosses,
  ...random,
  ...optimizers,
  ...pictures,
  ...limits,
  ...clustering,
};

/** The name of a kernel of {@link kernelTable}. */
export type KernelName = keyof typeof kernelTable;

/** @internal A part of an entry without the types of its names, for code that treats all kernels alike. */
export type AnyPart = KernelPart<string, never, readonly string[], readonly string[], number | object>;

/** @internal What an entry says of the type of a buffer's elements. */
export type BufferType = FixedType | { readonly code: string };

/** @internal An entry without the types of its names. */
export interface AnyKernel extends AnyPart {
  /** What every item of its list takes; null: it takes no list. */
  readonly each: AnyPart | null;
}

/** @internal The entry of a kernel without the types of its names. */
export const entryOf = (kernel: KernelName): AnyKernel => kernelTable[kernel] as unknown as AnyKernel;

/** @internal The names of the numbers in the order in which backends read them. */
export const numbersOf = ({ integers, values }: AnyPart): readonly string[] => [...integers, ...values];

const typeNames = Object.keys(anyElementTypes) as readonly (keyof typeof anyElementTypes)[];

/**
 * @internal The type of a buffer's elements in a call.
 *
 * @param type What the entry says of the buffer.
 * @param dtype The call's.
 * @param numbers The call's.
 */
export function elementType(
  type: BufferType | undefined,
  dtype: "float32" | "float64",
  numbers: Readonly<Record<string, number>>,
): DType {
  if (typeof type !== "object") return type ?? dtype;
  const chosen = typeNames[numbers[type.code]!];
  return chosen === undefined || chosen === "dtype" ? dtype : chosen;
}

/**
 * @internal The arguments of an entry, in order, as one text: `(dtype output, const dtype input, integer size)`. The
 * addon contains those of the entries that it was compiled from.
 */
export function signatureOf(entry: AnyKernel): string {
  const own = partSignature(entry);
  return entry.each === null ? own : `${own} each ${partSignature(entry.each)}`;
}

const nameOfType = (type: BufferType | undefined): string =>
  typeof type === "object" ? type.code : (type ?? "dtype");

function partSignature(part: AnyPart): string {
  const buffers = Object.entries(part.buffers).map(
    ([name, { type, output, optional }]) =>
      `${output ? "" : "const "}${nameOfType(type)} ${name}${optional ? "?" : ""}`,
  );
  const codes = (name: string) => {
    const list = part.codes?.[name];
    return list === undefined ? "" : ` ${JSON.stringify(list).replaceAll('"', "")}`;
  };
  const integers = part.integers.map((name) => `integer ${name}${codes(name)}`);
  const values = part.values.map((name) => `value ${name}`);
  return `(${[...buffers, ...integers, ...values].join(", ")})`;
}
