import { buildCommand } from "#platform";
import type { BackendDevice, BackendKernel } from "./backend.js";
import { type BufferOwner, DeviceBuffer } from "./deviceBuffer.js";
import { elementBytes } from "./dtype.js";
import type { BufferArgument } from "./kernelArguments.js";
import type { CheckedPart, KernelBuffer } from "./kernels/defineKernel.js";
import {
  type AnyPart,
  type BufferType,
  elementType,
  entryOf,
  type KernelName,
  kernelTable,
  numbersOf,
  signatureOf,
} from "./kernelTable.js";

type Values = Readonly<Record<string, unknown>>;
/** What extents and checks are computed from: the numbers of the call or item, which were checked before. */
type Numbers = Readonly<Record<string, number>>;
/** For the call's buffers the number of items; for an item's buffers the numbers of the whole call. */
type Context = number | Values;

/** A buffer of an entry, with every member set: JavaScript reads objects of one shape faster. */
interface BufferLayout {
  readonly name: string;
  readonly extent: KernelBuffer<string, Context>["extent"];
  readonly type: BufferType | undefined;
  readonly output: boolean;
  readonly optional: boolean;
  /** Whether checkFinite looks at it; `parts` says at which parts, null: at the whole extent. */
  readonly checked: boolean;
  readonly parts: ((numbers: Numbers) => readonly CheckedPart[]) | null;
}

/** The arguments of one kernel, or of one item of its `each`, in the order in which a backend reads them. */
interface ArgumentLayout {
  readonly buffers: readonly BufferLayout[];
  readonly numbers: readonly string[];
  /** The buffers that checkFinite looks at. */
  readonly checked: readonly BufferLayout[];
}

interface KernelLayout {
  readonly index: number;
  readonly own: ArgumentLayout;
  readonly each: ArgumentLayout | null;
}

/** Whether a buffer holds floating-point numbers in the call's dtype or bfloat16, which `checkFinite` checks. */
const isComputed = (type: BufferType | undefined): boolean =>
  type === undefined || type === "bfloat16" || typeof type === "object";

function layoutOf(part: AnyPart): ArgumentLayout {
  const buffers = Object.entries(part.buffers).map(
    ([name, { extent, type, output = false, optional = false, checked = true }]): BufferLayout => ({
      name,
      extent,
      type,
      output,
      optional,
      checked: output && isComputed(type) && checked !== false,
      parts: typeof checked === "function" ? checked : null,
    }),
  );
  return { buffers, numbers: numbersOf(part), checked: buffers.filter(({ checked }) => checked) };
}

/** Throws if a backend's kernel was compiled from another entry than the table's. */
function checkSignature(backend: string, { name, signature }: BackendKernel, expected: string): void {
  if (signature === expected) return;
  throw new Error(
    `@splitmask/kernels: the ${backend} backend was compiled from other sources: ` +
      `${name} takes ${expected} in kernelTable, but ${signature} in the backend. ` +
      `Compile the native addon again with \`${buildCommand}\` (in a clone: \`npm run build\`); ` +
      "of another backend, install the version that belongs to this one.",
  );
}

/** The layouts of a backend's kernels by name. @throws Error if it was compiled from other entries. */
export function layoutsOf(
  backend: string,
  kernels: readonly BackendKernel[],
): ReadonlyMap<string, KernelLayout> {
  return new Map<string, KernelLayout>(
    kernels.flatMap((kernel, index) => {
      const { name } = kernel;
      if (!(name in kernelTable)) return [];
      const entry = entryOf(name as KernelName);
      checkSignature(backend, kernel, signatureOf(entry));
      const each = entry.each === null ? null : layoutOf(entry.each);
      return [[name, { index, own: layoutOf(entry), each }]];
    }),
  );
}

/** What the writer needs to know of the device. */
export interface CallingDevice extends BufferOwner {
  /** The name of its backend. */
  readonly backend: string;
  /** Whether the outputs of its calls are checked for NaN and infinities. */
  readonly checkFinite: boolean;
}

/** Checks the arguments of calls and writes them as a backend reads them, into one array of numbers that is reused. */
export class CallWriter {
  readonly #device: CallingDevice;
  readonly #backend: BackendDevice;
  readonly #layouts: ReadonlyMap<string, KernelLayout>;
  #words = new Float64Array(1024);
  #at = 0;

  constructor(device: CallingDevice, backend: BackendDevice, layouts: ReadonlyMap<string, KernelLayout>) {
    this.#device = device;
    this.#backend = backend;
    this.#layouts = layouts;
    this.#backend.setWords(this.#words);
  }

  /** Writes the call that the backend's `run()` then reads. */
  write(kernel: string, dtype: "float32" | "float64", values: Values): void {
    const layout = this.#layouts.get(kernel);
    if (layout === undefined) throw missingKernel(kernel, this.#device.backend);
    if (dtype !== "float32" && dtype !== "float64") {
      throw new TypeError(`${kernel}: dtype is ${describe(dtype)}; kernels run in "float32" or "float64".`);
    }
    const items = layout.each === null ? [] : (values.each as readonly Values[]);
    if (!Array.isArray(items)) {
      throw new TypeError(`${kernel}: each is ${describe(values.each)}; it must be a list of items.`);
    }
    this.#reserve(layout, items.length);
    const words = this.#words;
    words[0] = layout.index;
    words[1] = dtype === "float64" ? 1 : 0;
    words[2] = items.length;
    this.#at = 3;
    // Numbers are looked at first: the extents of the buffers come from them.
    const numbersAt = this.#at + 2 * layout.own.buffers.length;
    this.#writeNumbers(kernel, "", layout.own, values, numbersAt);
    this.#writeBuffers(kernel, "", layout.own, values, dtype, items.length);
    this.#at = numbersAt + layout.own.numbers.length;
    if (layout.each !== null) this.#writeItems(kernel, layout.each, items, dtype, values);
    const checksAt = this.#at++;
    words[checksAt] = 0;
    if (this.#device.checkFinite) {
      this.#writeChecks(layout.own, values, dtype, items.length, checksAt);
      if (layout.each !== null) {
        for (const item of items) this.#writeChecks(layout.each, item, dtype, values, checksAt);
      }
    }
  }

  #reserve(layout: KernelLayout, items: number): void {
    const wordsOf = ({ buffers, numbers, checked }: ArgumentLayout): number =>
      2 * buffers.length + numbers.length + (this.#device.checkFinite ? 6 * checked.length : 0);
    const needed = 4 + wordsOf(layout.own) + (layout.each === null ? 0 : items * wordsOf(layout.each));
    if (needed > this.#words.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const words = new Float64Array(2 * needed);
    words.set(this.#words);
    this.#words = words;
    this.#backend.setWords(words);
  }

  #writeItems(
    kernel: string,
    layout: ArgumentLayout,
    items: readonly Values[],
    dtype: "float32" | "float64",
    call: Values,
  ): void {
    let numbersAt = this.#at + 2 * layout.buffers.length * items.length;
    for (let index = 0; index < items.length; index += 1) {
      const where = ` of item ${index}`;
      this.#writeNumbers(kernel, where, layout, items[index]!, numbersAt);
      this.#writeBuffers(kernel, where, layout, items[index]!, dtype, call);
      numbersAt += layout.numbers.length;
    }
    this.#at = numbersAt;
  }

  #writeNumbers(kernel: string, where: string, layout: ArgumentLayout, values: Values, start: number): void {
    const words = this.#words;
    let at = start;
    for (const name of layout.numbers) {
      const value = values[name];
      if (typeof value !== "number") {
        throw new TypeError(`${kernel}: ${name}${where} is ${describe(value)}; it must be a number.`);
      }
      words[at++] = value;
    }
  }

  #writeBuffers(
    kernel: string,
    where: string,
    layout: ArgumentLayout,
    values: Values,
    dtype: "float32" | "float64",
    context: Context,
  ): void {
    const words = this.#words;
    for (const { name, extent, type, output, optional } of layout.buffers) {
      const argument = values[name] as BufferArgument | null | undefined;
      if (argument === null || argument === undefined) {
        if (!optional)
          throw new TypeError(`${kernel}: buffer ${name}${where} is ${argument}; the kernel needs it.`);
        words[this.#at++] = -1;
        words[this.#at++] = 0;
        continue;
      }
      const { buffer, byteOffset } = argument;
      if (!(buffer instanceof DeviceBuffer)) {
        throw new TypeError(
          `${kernel}: buffer ${name}${where} is ${describe(argument)}; ` +
            "it must be { buffer: DeviceBuffer, byteOffset: number }, e.g. a Tensor.",
        );
      }
      checkUsable(this.#device, kernel, `${name}${where}`, buffer);
      if (buffer.readOnly && (type !== "uint8" || output)) {
        throw new TypeError(
          `${kernel}: buffer ${name}${where} is a mapped file or a borrowed array, which can only be read, ` +
            "as uint8. Copy it into a buffer of its own first (copyBytes).",
        );
      }
      const count = extent(values as Numbers, context);
      const elements = elementType(type, dtype, values as Numbers);
      const bytes = count * elementBytes[elements];
      if (!(Number.isSafeInteger(count) && count >= 0)) {
        const numbers = layout.numbers.map((number) => `${number} ${values[number]}`).join(", ");
        throw new RangeError(
          `${kernel}: ${name}${where} would have ${count} elements (${numbers}); ` +
            "sizes must be whole numbers, 0 or more.",
        );
      }
      if (!(byteOffset >= 0 && byteOffset + bytes <= buffer.bytes)) {
        throw new RangeError(
          `${kernel}: ${name}${where} needs ${count} ${elements} elements (${bytes} bytes) from ` +
            `byteOffset ${byteOffset} on, but its buffer has ${buffer.bytes} bytes.`,
        );
      }
      if (output) buffer.writes += 1;
      words[this.#at++] = buffer.id;
      words[this.#at++] = byteOffset;
    }
  }

  /** Which memory checkFinite looks at after the kernel. */
  #writeChecks(
    layout: ArgumentLayout,
    values: Values,
    dtype: "float32" | "float64",
    context: Context,
    countAt: number,
  ): void {
    for (const { name, extent, type, parts } of layout.checked) {
      const argument = values[name] as BufferArgument | null | undefined;
      if (argument === null || argument === undefined) continue;
      const elements = elementType(type, dtype, values as Numbers);
      if (elements === "int32" || elements === "uint8") continue;
      const bytes = elementBytes[elements];
      const list = parts?.(values as Numbers) ?? [dense(extent(values as Numbers, context))];
      if (this.#at + 6 * list.length > this.#words.length) this.#grow(this.#at + 6 * list.length);
      const words = this.#words;
      for (const part of list) {
        words[this.#at++] = argument.buffer.id;
        words[this.#at++] = argument.byteOffset + part.offset * bytes;
        words[this.#at++] = part.rows;
        words[this.#at++] = part.columns;
        words[this.#at++] = part.leading;
        words[this.#at++] = bytes;
      }
      words[countAt]! += list.length;
    }
  }
}

const dense = (elements: number): CheckedPart => ({
  offset: 0,
  rows: 1,
  columns: elements,
  leading: elements,
});

/** @throws Error if a buffer was released or belongs to another device. */
export function checkUsable(device: BufferOwner, where: string, name: string, buffer: DeviceBuffer): void {
  if (buffer.released) {
    throw new Error(
      `${where}: the buffer of ${name} was released. Call retain() on it before it is released.`,
    );
  }
  if (buffer.device !== device) {
    throw new Error(
      `${where}: the buffer of ${name} belongs to another device; download it there and upload it here.`,
    );
  }
}

function missingKernel(kernel: string, backend: string): Error {
  if (!(kernel in kernelTable)) return new Error(`run: there is no kernel "${kernel}" in kernelTable.`);
  return new Error(
    `${kernel}: the ${backend} backend has no such kernel; docs/features.md says what each backend has. ` +
      "Of the native one, build the addon again (see native/README.md).",
  );
}

/** A value as an error message shows it. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "without a class"})`;
  return `${JSON.stringify(value) ?? String(value)} (${typeof value})`;
}
