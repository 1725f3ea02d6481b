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

/** How a kernel cut its work for simulated threads, in nanoseconds of CPU time. */
export interface SimulatedWork {
  /** What it did outside of parallel phases, on one thread. */
  readonly serial: number;
  /** The tasks of each parallel phase, in the order in which threads take them. Phases follow each other. */
  readonly phases: readonly (readonly number[])[];
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
  /**
   * Nanoseconds of `duration` in which the queue's thread had no task left and waited for those of other threads.
   */
  readonly threadWait: number;
  /** The times of its tasks; null where no threads were simulated. */
  readonly simulated: SimulatedWork | null;
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
 * What the queue did between `device.startProfile()` and `device.stopProfile()`. Time that is neither in `calls` nor in
 * `waits` is the queue's own: to take commands, to wake up, to report.
 */
export interface Profile {
  /** Nanoseconds between the two commands, on the queue. */
  readonly duration: number;
  /** Everything that it ran, in order. */
  readonly calls: readonly ProfiledCall[];
  /** The times in which the queue was empty and waited for JavaScript, in order; they overlap no call. */
  readonly waits: readonly ProfiledTime[];
  /** Number of threads that were simulated; 0: none, the device's own threads computed. */
  readonly simulatedThreads: number;
}

/**
 * Reads the numbers that a queue recorded: the nanoseconds of the whole profile, then for each kernel, upload, download
 * and time in which it was empty, in order: kind (0, 1, 2, 3), start and duration in nanoseconds; of a copy its bytes;
 * of a kernel: `threadWait`, kernel, float64 (1) or not (0), items, its numbers, for each buffer whether it was given
 * (1, 0), then the same for the items: all numbers, all buffers; then its number of parallel phases, or −1 where no
 * threads are simulated, else `serial`, and of each phase the number of tasks and the nanoseconds of each. A copy of no
 * bytes is left out.
 */
export function readProfile(
  words: Float64Array,
  kernels: readonly BackendKernel[],
): Omit<Profile, "simulatedThreads"> {
  const calls: ProfiledCall[] = [];
  const waits: ProfiledTime[] = [];
  let at = 0;
  const next = (): number => words[at++]!;
  const argumentsOf = (part: AnyPart, count: number): ProfiledArguments[] => {
    const [names, buffers] = [numbersOf(part), Object.keys(part.buffers)];
    const numbers = Array.from({ length: count }, () =>
      Object.fromEntries(names.map((name) => [name, next()])),
    );
    return numbers.map((own) => ({ numbers: own, buffers: buffers.filter(() => next() !== 0) }));
  };
  const simulatedWork = (): SimulatedWork | null => {
    const phases = next();
    if (phases < 0) return null;
    const serial = next();
    return {
      serial,
      phases: Array.from({ length: phases }, () => Array.from({ length: next() }, next)),
    };
  };
  const duration = next();
  while (at < words.length) {
    const kind = next();
    const time = { start: next(), duration: next() };
    if (kind === 3) {
      waits.push(time);
      continue;
    }
    if (kind !== 0) {
      const bytes = next();
      if (bytes > 0) calls.push({ kind: kind === 1 ? "upload" : "download", ...time, bytes });
      continue;
    }
    const threadWait = next();
    const kernel = kernels[next()]!.name as KernelName;
    const dtype = next() === 0 ? "float32" : "float64";
    const items = next();
    const entry = entryOf(kernel);
    const [own] = argumentsOf(entry, 1);
    const each = entry.each === null ? [] : argumentsOf(entry.each, items);
    const simulated = simulatedWork();
    calls.push({ kind: "kernel", kernel, dtype, ...time, ...own!, each, threadWait, simulated });
  }
  return { duration, calls, waits };
}
