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

/** The members of a table entry, or of its `each`, from which the argument types are made. */
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

/** The list of items that a kernel with `each` also takes. */
export interface ItemArguments<Item extends AnyArguments> {
  /** The items; may be empty. */
  readonly each: readonly NamedArguments<Item>[];
}

/**
 * Everything that `device.run(name, dtype, …)` takes: buffers and numbers by name and, if the kernel takes a list,
 * `each` with the buffers and numbers of every item.
 */
export type KernelArguments<Name extends KernelName> = NamedArguments<(typeof kernelTable)[Name]> &
  ((typeof kernelTable)[Name]["each"] extends infer Item extends AnyArguments
    ? ItemArguments<Item>
    : unknown);
