/** Some numbers of a call by name. */
export type NumbersOf<Name extends string> = Readonly<Record<Name, number>>;

/** A part of an output that checkFinite looks at: rows of `columns` elements, `leading` apart, from `offset` on. */
export interface CheckedPart {
  /** The first element. */
  readonly offset: number;
  /** Rows. */
  readonly rows: number;
  /** Elements of a row. */
  readonly columns: number;
  /** Elements from row to row. */
  readonly leading: number;
}

/** An element type that does not depend on the call. */
export type FixedType = "int32" | "uint8" | "float64" | "bfloat16";

/** An element type that an argument of the call says. */
export interface TypeByCode<Name extends string> {
  /** The integer that is a code of `elementTypes` or `anyElementTypes`. */
  readonly code: Name;
}

/**
 * One buffer of a kernel. `Context` is what else its extent may depend on: of a buffer of the call the number of items
 * of `each`, of an item's buffer the numbers of the whole call.
 */
export interface KernelBuffer<Name extends string, Context> {
  /** Elements that the kernel reaches, counted from the buffer's byteOffset: a smaller buffer is an error. */
  readonly extent: (numbers: NumbersOf<Name>, context: Context) => number;
  /** The element type, or the integer that says it by a code. Default: the call's dtype. */
  readonly type?: FixedType | TypeByCode<Name>;
  /**
   * Whether the kernel writes it. An output may be an input's memory only where the kernel's comment says "in place".
   */
  readonly output?: true;
  /** Whether it may be null. */
  readonly optional?: true;
  /** Elements read plus elements written, where that is not the extent. */
  readonly traffic?: (numbers: NumbersOf<Name>, context: Context) => number;
  /**
   * What checkFinite looks at of an output in the call's dtype or bfloat16: not given, the whole extent; false,
   * nothing; or the parts that the kernel writes of one that is not dense.
   */
  readonly checked?: false | ((numbers: NumbersOf<Name>) => readonly CheckedPart[]);
}

/** A buffer that may be null. */
export interface OptionalKernelBuffer<Name extends string, Context> extends KernelBuffer<Name, Context> {
  /** It may be null. */
  readonly optional: true;
}

/** What a kernel, or an item of its list, takes and costs. Backends read the arguments in this order. */
export interface KernelPart<
  Required extends string,
  Optional extends string,
  Integers extends readonly string[],
  Values extends readonly string[],
  Context,
> {
  /** Buffers by name, outputs first; `Optional` names those that may be null. */
  readonly buffers: Readonly<Record<Required, KernelBuffer<Integers[number] | Values[number], Context>>> &
    Readonly<Record<Optional, OptionalKernelBuffer<Integers[number] | Values[number], Context>>>;
  /** Whole numbers: sizes, strides, indices, flags (0 or 1), codes. */
  readonly integers: Integers;
  /** Numbers that may have a fraction. */
  readonly values: Values;
  /** The list of `codes.ts` that an integer is a code of. */
  readonly codes?: Readonly<Partial<Record<Integers[number], Readonly<Record<string, number>>>>>;
  /**
   * Floating-point operations; a multiply-add is two, an elementary function (eˣ, √, …) one. `given`: the names of the
   * buffers that are not null.
   */
  readonly operations: (
    numbers: NumbersOf<Integers[number] | Values[number]>,
    context: Context,
    given: readonly string[],
  ) => number;
}

/** A kernel without a list. */
export interface Kernel<
  Required extends string,
  Optional extends string,
  Integers extends readonly string[],
  Values extends readonly string[],
> extends KernelPart<Required, Optional, Integers, Values, number> {
  /** No list. */
  readonly each: null;
}

/** A kernel that also takes a list of items, each of which has what `Item`, a {@link KernelPart}, says. */
export interface ListKernel<
  Required extends string,
  Optional extends string,
  Integers extends readonly string[],
  Values extends readonly string[],
  Item,
> extends KernelPart<Required, Optional, Integers, Values, number> {
  /** What every item of the list has. */
  readonly each: Item;
}

/** The names of the buffers that may be null, and of the others. Indexed where it is used, so that names stay names. */
type OptionalNames<Buffers> = {
  [Name in keyof Buffers & string]: Buffers[Name] extends { readonly optional: true } ? Name : never;
};
type RequiredNames<Buffers> = {
  [Name in keyof Buffers & string]: Buffers[Name] extends { readonly optional: true } ? never : Name;
};
type PartOf<
  Integers extends readonly string[],
  Values extends readonly string[],
  Buffers,
  Context,
> = KernelPart<
  RequiredNames<Buffers>[keyof Buffers & string],
  OptionalNames<Buffers>[keyof Buffers & string],
  Integers,
  Values,
  Context
>;

/** What is written of a part: `values` where there are some. `Buffers` is inferred; each is checked to be a buffer. */
type Written<Integers extends readonly string[], Values extends readonly string[], Buffers, Context> = Omit<
  PartOf<Integers, Values, Buffers, Context>,
  "values" | "buffers"
> & {
  readonly values?: Values;
  readonly buffers: Buffers &
    Readonly<Record<string, KernelBuffer<Integers[number] | Values[number], Context>>>;
};

/** A kernel of the table: everything that is known of it but its loops, which each backend has in its own language. */
export function defineKernel<
  const Integers extends readonly string[],
  const Values extends readonly string[] = readonly [],
  const Buffers = unknown,
>(
  entry: Written<Integers, Values, Buffers, number>,
): Kernel<
  RequiredNames<Buffers>[keyof Buffers & string],
  OptionalNames<Buffers>[keyof Buffers & string],
  Integers,
  Values
> {
  return { ...complete<Integers, Values, Buffers, number>(entry), each: null };
}

/** The same of a kernel that takes a list: `each` has what every item has. */
export function defineListKernel<
  const Integers extends readonly string[],
  const EachIntegers extends readonly string[],
  const Values extends readonly string[] = readonly [],
  const EachValues extends readonly string[] = readonly [],
  const Buffers = unknown,
  const EachBuffers = unknown,
>(
  entry: Written<Integers, Values, Buffers, number> & {
    readonly each: Written<
      EachIntegers,
      EachValues,
      EachBuffers,
      NumbersOf<Integers[number] | Values[number]>
    >;
  },
): ListKernel<
  RequiredNames<Buffers>[keyof Buffers & string],
  OptionalNames<Buffers>[keyof Buffers & string],
  Integers,
  Values,
  KernelPart<
    RequiredNames<EachBuffers>[keyof EachBuffers & string],
    OptionalNames<EachBuffers>[keyof EachBuffers & string],
    EachIntegers,
    EachValues,
    NumbersOf<Integers[number] | Values[number]>
  >
> {
  type Call = NumbersOf<Integers[number] | Values[number]>;
  return {
    ...complete<Integers, Values, Buffers, number>(entry),
    each: complete<EachIntegers, EachValues, EachBuffers, Call>(entry.each),
  };
}

function complete<Integers extends readonly string[], Values extends readonly string[], Buffers, Context>(
  part: Written<Integers, Values, Buffers, Context>,
): PartOf<Integers, Values, Buffers, Context> {
  const { values = [] as readonly string[] as Values } = part;
  return { ...part, values } as PartOf<Integers, Values, Buffers, Context>;
}

type EightOf<Name extends string> = readonly [
  `${Name}0`,
  `${Name}1`,
  `${Name}2`,
  `${Name}3`,
  `${Name}4`,
  `${Name}5`,
  `${Name}6`,
  `${Name}7`,
];
const eight = <const Name extends string>(name: Name): EightOf<Name> => [
  `${name}0`,
  `${name}1`,
  `${name}2`,
  `${name}3`,
  `${name}4`,
  `${name}5`,
  `${name}6`,
  `${name}7`,
];

/** The names of eight sizes, `dimension0` … `dimension7`; fewer axes are padded in front with 1. */
export const dimensions = (): EightOf<"dimension"> => eight("dimension");

/** The names of an array's eight strides in elements, e.g. `aStride0` … `aStride7`; 0 where it is broadcast. */
export const strides = <const Name extends string>(array: Name): EightOf<`${Name}Stride`> =>
  eight(`${array}Stride` as const);
