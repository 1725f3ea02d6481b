import { availableParallelism, cpus } from "node:os";
import type { CacheSizes, InstructionSet } from "./backend.js";
import { availableInstructionSets, chooseInstructionSet } from "./backends/native/instructionSets.js";
import { nativeAddon } from "./backends/native/loader.js";
import { defaultThreads } from "./threads.js";

/** What the machine has, for `splitmask doctor`. */
export interface CpuInfo {
  /** The CPU's name, from the operating system. */
  readonly model: string;
  /** Logical cores that this process may use. */
  readonly cores: number;
  /** The threads that a device takes by default: the cores, or the container's limit where that is lower. */
  readonly threads: number;
  /** Instruction sets that this build contains and this CPU supports, from the slowest to the fastest. */
  readonly availableInstructionSets: readonly InstructionSet[];
  /** The one that `"auto"` chooses. */
  readonly instructionSet: InstructionSet;
  /** Its data caches, as the operating system reports them; 32 KiB, 1 MiB and 32 MiB where it does not. */
  readonly caches: CacheSizes;
}

/** What the machine has, and what `createDevice()` would use of it. */
export function cpuInfo(): CpuInfo {
  const { wholeLast: _, ...caches } = nativeAddon().cacheSizes();
  return {
    model: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads: defaultThreads(),
    availableInstructionSets: availableInstructionSets(),
    instructionSet: chooseInstructionSet(),
    caches,
  };
}
