import type { KernelRates } from "@splitmask/kernels";

/** What is known of the pictures before training. */
export interface PictureFacts {
  /** How many pictures the folder holds. */
  readonly count: number;
  /** The median of the pictures' shorter sides, in pixels. */
  readonly shortSide: number;
  /** How many classes they have; left out: none. */
  readonly classes?: number;
  /** Time that a core takes to decode one, in seconds; left out: not measured, 3 ms are assumed. */
  readonly decodeSeconds?: number;
}

/** What is known of the machine. */
export interface MachineFacts {
  /** Threads that compute. */
  readonly threads: number;
  /** Memory of the machine, or the container's limit, in bytes. */
  readonly memoryBytes: number;
  /** How much of it is free, in bytes. */
  readonly freeBytes: number;
  /** How fast it trains. */
  readonly rates: KernelRates;
}
