import type { KernelRates } from "@splitmask/kernels";
import type { MachineFacts } from "@splitmask/pipelines";

const gibibyte = 2 ** 30;

/**
 * A machine that has its cores to itself: a core with AVX2 does about sixty GFLOP/s in training, what lies between the
 * products included.
 */
export function machineOf(threads: number, gibibytes: number, free = 0.8): MachineFacts {
  return {
    threads,
    memoryBytes: gibibytes * gibibyte,
    freeBytes: free * gibibytes * gibibyte,
    rates: ratesOf(6e10 * threads),
  };
}

/** A machine that does so many operations of products and attention a second, and all else in no time. */
export function ratesOf(operations: number): KernelRates {
  return {
    products: operations,
    bfloat16Products: operations,
    attention: operations,
    bfloat16Attention: operations,
    bytes: Number.POSITIVE_INFINITY,
    secondsPerCall: 0,
  };
}

/** With these a step takes as many seconds as it has operations. */
export const countingRates = ratesOf(1);
