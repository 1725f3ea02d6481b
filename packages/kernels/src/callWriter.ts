import type { BackendDevice, BackendKernel } from "./backend.js";
import { bufferExtents, type CheckedPart } from "./bufferExtents.js";
import { type BufferOwner, DeviceBuffer } from "./deviceBuffer.js";
import type { BufferArgument } from "./kernelArguments.js";
import { kernelTable } from "./kernelTable.js";

type Values = Readonly<Record<string, unknown>>;

/** The table's entries and their extents without their names' types: this file treats all kernels alike. */
interface TableEntry {
  readonly buffers: readonly string[];
  readonly numbers: readonly string[];
  readonly each?: TableEntry;
}
interface ExtentsEntry {
  readonly elements: (numbers: Values, items: number, call: Values) => Readonly<Record<string, number>>;
  readonly types?: Readonly<Record<string, "int32" | "uint8" | "float64">>;
  readonly outputs: readonly string[];
  readonly parts?: (numbers: Values) => readonly CheckedPart[];
  readonly each?: ExtentsEntry;
}

interface BufferLayout {
  readonly name: string;
  readonly optional: boolean;
  /** null: the call's dtype. */
  readonly type: "int32" | "uint8" | "float64" | null;
}

/** The order in which a backend reads the arguments of one kernel, or of one item of its `each`. */
interface ArgumentLayout {
  readonly buffers: readonly BufferLayout[];
  readonly numbers: readonly string[];
  readonly extents: ExtentsEntry;
}

interface KernelLayout {
  readonly index: number;
  readonly own: ArgumentLayout;
  readonly each: ArgumentLayout | null;
}

const elementBytes = { float32: 4, float64: 8, int32: 4, uint8: 1 } as const;

function layoutOf(entry: TableEntry, extents: ExtentsEntry): ArgumentLayout {
  const buffers = entry.buffers.map((text) => {
    const optional = text.endsWith("?");
    const name = optional ? text.slice(0, -1) : text;
    return { name, optional, type: extents.types?.[name] ?? null };
  });
  return { buffers, numbers: entry.numbers, extents };
}

/** Throws where the addon reads other arguments than the table has: it was compiled from other sources. */
function checkCounts(kernel: BackendKernel, entry: TableEntry): void {
  const counts = ({ buffers, numbers }: TableEntry) =>
    `${buffers.length} buffers and ${numbers.length} numbers`;
  const table = `${counts(entry)}, ${counts(entry.each ?? { buffers: [], numbers: [] })} an item`;
  const own = `${kernel.buffers} buffers and ${kernel.numbers} numbers, ${kernel.eachBuffers} buffers and ${kernel.eachNumbers} numbers an item`;
  if (table !== own) {
    throw new Error(
      `@splitmask/kernels: ${kernel.name} has ${table} in kernelTable, but the native addon reads ${own}: it was compiled from other sources. ` +
        "Compile it again with `npx splitmask-build-kernels` (in a clone: `npm run build`).",
    );
  }
}

/** The layouts of a backend's kernels by name. */
function layoutsOf(kernels: readonly BackendKernel[]): ReadonlyMap<string, KernelLayout> {
  return new Map<string, KernelLayout>(
    kernels.flatMap((kernel, index) => {
      const { name } = kernel;
      const entry = (kernelTable as Readonly<Record<string, TableEntry>>)[name];
      const extents = (bufferExtents as unknown as Readonly<Record<string, ExtentsEntry>>)[name];
      if (entry === undefined || extents === undefined) return [];
      checkCounts(kernel, entry);
      const each = entry.each && extents.each ? layoutOf(entry.each, extents.each) : null;
      return [[name, { index, own: layoutOf(entry, extents), each }]];
    }),
  );
}

/** What is asked of the device whose calls are written. */
export interface CallingDevice extends BufferOwner {
  /** The name of its backend. */
  readonly backend: string;
  /** Whether the outputs of its calls are checked for NaN and infinities. */
  readonly checkFinite: boolean;
}

/** Checks the arguments of calls and lays them out as a backend reads them, in one array of numbers that is used again and again. */
export class CallWriter {
  readonly #device: CallingDevice;
  readonly #backend: BackendDevice;
  readonly #layouts: ReadonlyMap<string, KernelLayout>;
  #words = new Float64Array(1024);
  #at = 0;

  constructor(device: CallingDevice, backend: BackendDevice, kernels: readonly BackendKernel[]) {
    this.#device = device;
    this.#backend = backend;
    this.#layouts = layoutsOf(kernels);
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
    this.#writeBuffers(kernel, "", layout.own, values, dtype, items.length, values);
    this.#at = numbersAt + layout.own.numbers.length;
    if (layout.each !== null) this.#writeItems(kernel, layout.each, items, dtype, values);
    const checksAt = this.#at++;
    words[checksAt] = 0;
    if (this.#device.checkFinite) {
      this.#writeChecks(layout.own, values, dtype, items.length, checksAt, values);
      if (layout.each !== null) {
        for (const item of items) this.#writeChecks(layout.each, item, dtype, 0, checksAt, values);
      }
    }
  }

  #reserve(layout: KernelLayout, items: number): void {
    const wordsOf = ({ buffers, numbers, extents }: ArgumentLayout): number =>
      2 * buffers.length + numbers.length + (this.#device.checkFinite ? 5 * extents.outputs.length : 0);
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
      this.#writeBuffers(kernel, where, layout, items[index]!, dtype, 0, call);
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
    items: number,
    call: Values,
  ): void {
    const words = this.#words;
    const elements = layout.extents.elements(values, items, call);
    for (const { name, optional, type } of layout.buffers) {
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
          `${kernel}: buffer ${name}${where} is ${describe(argument)}; it must be { buffer: DeviceBuffer, byteOffset: number }, e.g. a Tensor.`,
        );
      }
      checkUsable(this.#device, kernel, `${name}${where}`, buffer);
      if (buffer.readOnly && (type !== "uint8" || name.startsWith("output"))) {
        throw new TypeError(
          `${kernel}: buffer ${name}${where} is a mapped file or a borrowed array, which can only be read, as uint8. Copy it into a buffer of its own first (copyBytes).`,
        );
      }
      const count = elements[name]!;
      const bytes = count * elementBytes[type ?? dtype];
      if (!(Number.isSafeInteger(count) && count >= 0)) {
        const numbers = layout.numbers.map((number) => `${number} ${values[number]}`).join(", ");
        throw new RangeError(
          `${kernel}: ${name}${where} would have ${count} elements (${numbers}); sizes must be whole numbers, 0 or more.`,
        );
      }
      if (!(byteOffset >= 0 && byteOffset + bytes <= buffer.bytes)) {
        throw new RangeError(
          `${kernel}: ${name}${where} needs ${count} ${type ?? dtype} elements (${bytes} bytes) from byteOffset ${byteOffset} on, but its buffer has ${buffer.bytes} bytes.`,
        );
      }
      words[this.#at++] = buffer.id;
      words[this.#at++] = byteOffset;
    }
  }

  /** Which memory checkFinite looks at after the kernel. */
  #writeChecks(
    layout: ArgumentLayout,
    values: Values,
    dtype: "float32" | "float64",
    items: number,
    countAt: number,
    call: Values,
  ): void {
    const { outputs, elements, parts } = layout.extents;
    if (outputs.length === 0) return;
    const counts = elements(values, items, call);
    for (const name of outputs) {
      const argument = values[name] as BufferArgument | null | undefined;
      if (argument === null || argument === undefined) continue;
      const dense = { offset: 0, rows: 1, columns: counts[name]!, leading: counts[name]! };
      const list = parts?.(values) ?? [dense];
      if (this.#at + 5 * list.length > this.#words.length) this.#grow(this.#at + 5 * list.length);
      const words = this.#words;
      for (const part of list) {
        words[this.#at++] = argument.buffer.id;
        words[this.#at++] = argument.byteOffset + part.offset * elementBytes[dtype];
        words[this.#at++] = part.rows;
        words[this.#at++] = part.columns;
        words[this.#at++] = part.leading;
      }
      words[countAt]! += list.length;
    }
  }
}

/** @throws Error if a buffer was released or belongs to another device. */
export function checkUsable(device: BufferOwner, where: string, name: string, buffer: DeviceBuffer): void {
  if (buffer.released) {
    throw new Error(
      `${where}: the buffer of ${name} was released. Call retain() on it before it is released, or device.keep(buffer) inside a scope.`,
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
    `${kernel}: the ${backend} backend has no such kernel; docs/features.md says what each backend has. A new one of the addon is added to native/kernels.def (see native/README.md), and the addon built again.`,
  );
}

/** A value as an error message shows it. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "without a class"})`;
  return `${JSON.stringify(value) ?? String(value)} (${typeof value})`;
}
