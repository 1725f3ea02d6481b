import type { BackendKernel } from "./backend.js";
import { type AnyPart, entryOf, type KernelName, numbersOf } from "./kernelTable.js";

/** When the queue ran something, and how long. */
export interface ProfiledTime {
  /** Nanoseconds from the profile's start. */
  readonly start: number;
  /** How long it took, in nanoseconds. */
  readonly duration: number;
}

/** The arguments of a call, or of one item of its list, without the contents of buffers. */
export interface ProfiledArguments {
  /** The numbers by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Names of the buffers that were given; optional ones that were null are left out. */
  readonly buffers: readonly string[];
}

/** A kernel that the queue ran. */
export interface ProfiledKernel extends ProfiledTime, ProfiledArguments {
  /** Tells the calls apart. */
  readonly kind: "kernel";
  /** Its name in `kernelTable`. */
  readonly kernel: KernelName;
  /** Element type of the call. */
  readonly dtype: "float32" | "float64";
  /** The items of its list; empty where the kernel has none. */
  readonly each: readonly ProfiledArguments[];
}

/** Bytes that the queue copied to or from JavaScript's memory. */
export interface ProfiledCopy extends ProfiledTime {
  /** Tells the calls apart. */
  readonly kind: "upload" | "download";
  /** How many bytes. */
  readonly bytes: number;
}

/** One thing that the queue did. */
export type ProfiledCall = ProfiledKernel | ProfiledCopy;

/**
 * What the queue did between `device.startProfile()` and `device.stopProfile()`. Between two calls it waited for
 * JavaScript.
 */
export interface Profile {
  /** Nanoseconds between the two commands, on the queue. */
  readonly duration: number;
  /** Everything that it ran, in order. */
  readonly calls: readonly ProfiledCall[];
}

/**
 * Reads the numbers that a queue recorded: the nanoseconds of the whole profile, then for each kernel, upload and
 * download, in order: kind (0, 1, 2), start and duration in nanoseconds; of a copy its bytes; of a kernel: kernel,
 * float64 (1) or not (0), items, its numbers, for each buffer whether it was given (1, 0), then the same for the items:
 * all numbers, all buffers. A copy of no bytes is left out.
 */
export function readProfile(words: Float64Array, kernels: readonly BackendKernel[]): Profile {
  const calls: ProfiledCall[] = [];
  let at = 0;
  const next = (): number => words[at++]!;
  const argumentsOf = (part: AnyPart, count: number): ProfiledArguments[] => {
    const [names, buffers] = [numbersOf(part), Object.keys(part.buffers)];
    const numbers = Array.from({ length: count }, () =>
      Object.fromEntries(names.map((name) => [name, next()])),
    );
    return numbers.map((own) => ({ numbers: own, buffers: buffers.filter(() => next() !== 0) }));
  };
  const duration = next();
  while (at < words.length) {
    const kind = next();
    const time = { start: next(), duration: next() };
    if (kind !== 0) {
      const bytes = next();
      if (bytes > 0) calls.push({ kind: kind === 1 ? "upload" : "download", ...time, bytes });
      continue;
    }
    const kernel = kernels[next()]!.name as KernelName;
    const dtype = next() === 0 ? "float32" : "float64";
    const items = next();
    const entry = entryOf(kernel);
    const [own] = argumentsOf(entry, 1);
    const each = entry.each === null ? [] : argumentsOf(entry.each, items);
    calls.push({ kind: "kernel", kernel, dtype, ...time, ...own!, each });
  }
  return { duration, calls };
}
