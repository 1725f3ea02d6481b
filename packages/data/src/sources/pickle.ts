/** Bytes or text of a pickle, which stay where they are in the file. */
export interface PickledBytes {
  /** First byte in the file. */
  readonly start: number;
  readonly length: number;
  /** Read as UTF-8. */
  readonly text: string;
}

/** Something that Python would make by calling a function; here it is only written down. */
export interface PickledObject {
  /** The function, e.g. `numpy.dtype`. */
  readonly name: string;
  readonly arguments: readonly PickledValue[];
  /** What the object is told afterwards; null without. */
  state: PickledValue;
}

/** A value of a pickle. Numbers that float64 does not hold are none. */
export type PickledValue =
  | null
  | boolean
  | number
  | PickledBytes
  | PickledObject
  | PickledValue[]
  | Map<string, PickledValue>;

class Span implements PickledBytes {
  readonly start: number;
  readonly length: number;
  readonly #file: Buffer;

  constructor(file: Buffer, start: number, length: number) {
    this.#file = file;
    this.start = start;
    this.length = length;
  }

  get text(): string {
    return this.#file.toString("utf8", this.start, this.start + this.length);
  }
}

/** Whether a value is text or bytes. */
export function isPickledBytes(value: PickledValue | undefined): value is PickledBytes {
  return value instanceof Span;
}

/** Whether a value is one that a function would have made. */
export function isPickledObject(value: PickledValue | undefined): value is PickledObject {
  return typeof value === "object" && value !== null && "arguments" in value;
}

/**
 * Reads a pickle of Python (protocols 2 to 5) of plain values: lists, tuples, dictionaries, text, whole numbers, and
 * objects as the names and arguments of the functions that would make them. Nothing is called and nothing imported.
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
 *
 * @param file The whole file.
 * @throws Error If it is damaged, or holds an instruction that such a pickle does not need.
 */
export function readPickle(file: Buffer): PickledValue {
  const stack: PickledValue[] = [];
  const marks: number[] = [];
  const memo: PickledValue[] = [];
  let at = 0;
  const take = (length: number): number => {
    const start = at;
    if (!(length >= 0 && start + length <= file.length)) throw new Error("it ends too early");
    at += length;
    return start;
  };
  const unsigned = (bytes: 1 | 2 | 4): number => file.readUIntLE(take(bytes), bytes);
  const span = (length: number) => stack.push(new Span(file, take(length), length));
  const pop = (): PickledValue => {
    if (stack.length === 0) throw new Error("its structure makes no sense");
    return stack.pop()!;
  };
  const top = <Kind extends PickledValue>(is: (value: PickledValue | undefined) => value is Kind): Kind => {
    const value = stack.at(-1);
    if (!is(value)) throw new Error("its structure makes no sense");
    return value;
  };
  const toMark = (): PickledValue[] => {
    const mark = marks.pop();
    if (mark === undefined || mark > stack.length) throw new Error("its structure makes no sense");
    return stack.splice(mark);
  };
  const line = (): string => {
    const end = file.indexOf(10, at);
    if (end < 0) throw new Error("it ends too early");
    const start = take(end + 1 - at);
    return file.toString("latin1", start, end);
  };
  const recall = (place: number) => {
    if (memo[place] === undefined) throw new Error("its structure makes no sense");
    stack.push(memo[place]);
  };
  const put = (map: Map<string, PickledValue>, pairs: readonly PickledValue[]) => {
    for (let place = 0; place + 1 < pairs.length; place += 2) {
      const key = pairs[place]!;
      if (!isPickledBytes(key)) throw new Error("a dictionary has a key that is no text");
      map.set(key.text, pairs[place + 1]!);
    }
  };
  const tuple = (count: number) => {
    const items = Array.from({ length: count }, pop).reverse();
    stack.push(items);
  };
  for (;;) {
    const code = unsigned(1);
    switch (code) {
      case 0x80: // PROTO
        take(1);
        break;
      case 0x95: // FRAME
        take(8);
        break;
      case 0x28: // MARK
        marks.push(stack.length);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x71: // BINPUT
        memo[unsigned(1)] = stack.at(-1) ?? null;
        break;
      case 0x72: {
        // LONG_BINPUT: numbers rise one by one, a larger one is damage.
        const place = unsigned(4);
        if (place > file.length) throw new Error("its structure makes no sense");
        memo[place] = stack.at(-1) ?? null;
        break;
      }
      case 0x94: // MEMOIZE
        memo.push(stack.at(-1) ?? null);
        break;
      case 0x68: // BINGET
        recall(unsigned(1));
        break;
      case 0x6a: // LONG_BINGET
        recall(unsigned(4));
        break;
      case 0x4b: // BININT1
        stack.push(unsigned(1));
        break;
      case 0x4d: // BININT2
        stack.push(unsigned(2));
        break;
      case 0x4a: // BININT
        stack.push(file.readInt32LE(take(4)));
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        stack.push(code === 0x88);
        break;
      case 0x55: // SHORT_BINSTRING
      case 0x43: // SHORT_BINBYTES
      case 0x8c: // SHORT_BINUNICODE
        span(unsigned(1));
        break;
      case 0x54: // BINSTRING
      case 0x42: // BINBYTES
      case 0x58: // BINUNICODE
        span(unsigned(4));
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        span(Number(file.readBigUInt64LE(take(8))));
        break;
      case 0x63: // GLOBAL
        stack.push({ name: `${line()}.${line()}`, arguments: [], state: null });
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [name, module] = [pop(), pop()];
        if (!isPickledBytes(name) || !isPickledBytes(module)) throw new Error("its structure makes no sense");
        stack.push({ name: `${module.text}.${name.text}`, arguments: [], state: null });
        break;
      }
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        tuple(code - 0x84);
        break;
      case 0x74: // TUPLE
        stack.push(toMark());
        break;
      case 0x65: // APPENDS
      case 0x61: {
        // APPEND
        const items = code === 0x65 ? toMark() : [pop()];
        const list = top((value) => Array.isArray(value));
        for (const item of items) list.push(item);
        break;
      }
      case 0x75: // SETITEMS
      case 0x73: {
        // SETITEM
        const pairs = code === 0x75 ? toMark() : [pop(), pop()].reverse();
        put(
          top((value) => value instanceof Map),
          pairs,
        );
        break;
      }
      case 0x52: {
        // REDUCE
        const given = pop();
        const made = pop();
        if (!isPickledObject(made) || !Array.isArray(given)) throw new Error("its structure makes no sense");
        stack.push({ name: made.name, arguments: given, state: null });
        break;
      }
      case 0x62: {
        // BUILD
        const state = pop();
        top(isPickledObject).state = state;
        break;
      }
      case 0x2e: // STOP
        return pop();
      default:
        throw new Error(`it holds the instruction 0x${code.toString(16)}, which plain values do not need`);
    }
  }
}
