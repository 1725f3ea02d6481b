import type { DeviceBuffer } from "./deviceBuffer.js";
import type { OptionalKernelBuffer } from "./kernels/defineKernel.js";
import type { KernelName, kernelTable } from "./kernelTable.js";

/** A place in device memory: a buffer and where in it the array starts, in bytes. A `Tensor` is one. */
export interface BufferArgument {
  /** The memory. */
  readonly buffer: DeviceBuffer;
  /** Where the array starts, in bytes. */
  readonly byteOffset: number;
}

/** What the types of arguments need of an entry of the table, or of its `each`. */
interface AnyArguments {
  readonly integers: readonly string[];
  readonly values: readonly string[];
  readonly buffers: unknown;
}

type MayBeNull = Pick<OptionalKernelBuffer<string, never>, "optional">;

/** The buffers and numbers of one entry of the table (or of its `each`) by name. */
export type NamedArguments<Part extends AnyArguments> = {
  readonly [Name in keyof Part["buffers"] as Part["buffers"][Name] extends MayBeNull
    ? never
    : Name]: BufferArgument;
} & {
  readonly [Name in keyof Part["buffers"] as Part["buffers"][Name] extends MayBeNull ? Name : never]?:
    | BufferArgument
    | null
    | undefined;
} & { readonly [Name in Part["integers"][number] | Part["values"][number]]: number };

/** The list of items that a kernel with `each` takes besides. */
export interface ItemArguments<Item extends AnyArguments> {
  /** One item after the other; may be empty. */
  readonly each: readonly NamedArguments<Item>[];
}

/**
 * Everything that `device.run(name, dtype, …)` takes: buffers and numbers by name, and `each`, a list of the same,
 * where the kernel has one.
 */
export type KernelArguments<Name extends KernelName> = NamedArguments<(typeof kernelTable)[Name]> &
  ((typeof kernelTable)[Name]["each"] extends infer Item extends AnyArguments
    ? ItemArguments<Item>
    : unknown);
