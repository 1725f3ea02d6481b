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

/**
 * One buffer of a kernel. `Context` is what else its extent may depend on: of a buffer of the call the number of items
 * of `each`, of an item's buffer the numbers of the whole call.
 */
export interface KernelBuffer<Name extends string, Context> {
  /** Elements that the kernel reaches, counted from the buffer's byteOffset: a smaller buffer is an error. */
  readonly extent: (numbers: NumbersOf<Name>, context: Context) => number;
  /** The element type; not given: the call's dtype. */
  readonly type?: "int32" | "uint8" | "float64";
  /** Whether the kernel writes it. An output may be an input's memory only where the kernel's comment says "in place". */
  readonly output?: true;
  /** Whether it may be null. */
  readonly optional?: true;
  /** Elements read plus elements written, where that is not the extent. */
  readonly traffic?: (numbers: NumbersOf<Name>, context: Context) => number;
  /**
   * What checkFinite looks at of an output in the call's dtype: not given, the whole extent; false, nothing; or the
   * parts that the kernel writes of one that is not dense.
   */
  readonly checked?: false | ((numbers: NumbersOf<Name>) => readonly CheckedPart[]);
}

/** What a kernel, or an item of its list, takes and costs. Backends read the arguments in this order. */
export interface KernelPart<
  Integers extends readonly string[],
  Values extends readonly string[],
  Buffers,
  Context,
> {
  /** Whole numbers: sizes, strides, indices, flags (0 or 1), codes. */
  readonly integers: Integers;
  /** Numbers that may have a fraction. */
  readonly values: Values;
  /** The list of `codes.ts` that an integer is a code of. */
  readonly codes?: Readonly<Partial<Record<Integers[number], Readonly<Record<string, number>>>>>;
  /** Buffers by name, outputs first. */
  readonly buffers: Buffers;
  /** Floating-point operations; a multiply-add is two, an elementary function (eˣ, √, …) one. */
  readonly operations: (numbers: NumbersOf<Integers[number] | Values[number]>, context: Context) => number;
}

/** A kernel without a list. */
export interface Kernel<Integers extends readonly string[], Values extends readonly string[], Buffers>
  extends KernelPart<Integers, Values, Buffers, number> {
  /** No list. */
  readonly each: null;
}

/** A kernel that also takes a list of items. */
export interface ListKernel<
  Integers extends readonly string[],
  Values extends readonly string[],
  Buffers,
  Item,
> extends KernelPart<Integers, Values, Buffers, number> {
  /** What every item of the list has. */
  readonly each: Item;
}

/** What is written of a part: `values` where there are some. `Buffers` is inferred; each is checked to be a buffer. */
type Written<Integers extends readonly string[], Values extends readonly string[], Buffers, Context> = Omit<
  KernelPart<Integers, Values, Buffers, Context>,
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
>(entry: Written<Integers, Values, Buffers, number>): Kernel<Integers, Values, Buffers> {
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
  Integers,
  Values,
  Buffers,
  KernelPart<EachIntegers, EachValues, EachBuffers, NumbersOf<Integers[number] | Values[number]>>
> {
  type Call = NumbersOf<Integers[number] | Values[number]>;
  return {
    ...complete<Integers, Values, Buffers, number>(entry),
    each: complete<EachIntegers, EachValues, EachBuffers, Call>(entry.each),
  };
}

function complete<Integers extends readonly string[], Values extends readonly string[], Buffers, Context>(
  part: Written<Integers, Values, Buffers, Context>,
): KernelPart<Integers, Values, Buffers, Context> {
  return { ...part, values: part.values ?? ([] as readonly string[] as Values) };
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
