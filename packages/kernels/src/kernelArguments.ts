import type { DeviceBuffer } from "./deviceBuffer.js";
import type { KernelSignature, kernelTable, ListKernelSignature } from "./kernelTable.js";

/** The name of a kernel of {@link kernelTable}. */
export type KernelName = keyof typeof kernelTable;

/** A place in device memory: a buffer and where in it the array starts, in bytes. A `Tensor` is one. */
export interface BufferArgument {
  /** The memory. */
  readonly buffer: DeviceBuffer;
  /** Where the array starts, in bytes. */
  readonly byteOffset: number;
}

type OptionalName<Name extends string> = Name extends `${infer Base}?` ? Base : never;
type RequiredName<Name extends string> = Name extends `${string}?` ? never : Name;
type Names<List> = List extends readonly string[] ? List[number] : never;

type AnySignature = KernelSignature<readonly string[], readonly string[]>;

/** The buffers and numbers of one entry of the table (or of its `each`) by name. */
export type NamedArguments<Entry extends AnySignature> = {
  readonly [Name in RequiredName<Names<Entry["buffers"]>>]: BufferArgument;
} & {
  readonly [Name in OptionalName<Names<Entry["buffers"]>>]?: BufferArgument | null | undefined;
} & { readonly [Name in Names<Entry["numbers"]>]: number };

/** The list of items that a kernel with `each` takes besides. */
export interface ItemArguments<Item extends AnySignature> {
  /** One item after the other; may be empty. */
  readonly each: readonly NamedArguments<Item>[];
}

/** Everything that `device.run(name, dtype, …)` takes: buffers and numbers by name, and `each`, a list of the same, where the kernel has one. */
export type KernelArguments<Name extends KernelName> = NamedArguments<(typeof kernelTable)[Name]> &
  ((typeof kernelTable)[Name] extends ListKernelSignature<
    readonly string[],
    readonly string[],
    infer Buffers,
    infer Numbers
  >
    ? ItemArguments<KernelSignature<Buffers, Numbers>>
    : unknown);
