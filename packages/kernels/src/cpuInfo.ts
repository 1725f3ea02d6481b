import { availableCores, cpuModel, defaultThreads, nativeAddon } from "#platform";
import type { CacheSizes, InstructionSet } from "./backend.js";
import { chooseInstructionSet, nativeInstructionSets } from "./backends/native/instructionSets.js";
import { nativeBackend } from "./backends/native/nativeBackend.js";
import { assumedCaches } from "./backends/wasm/wasmBackend.js";
import { chooseWasmSet } from "./backends/wasm/wasmModule.js";
import { availableWasmSets } from "./backends/wasm/wasmModules.js";
import { defaultBackend } from "./defaultBackend.js";

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
  return {
    model: cpuModel(),
    cores: availableCores(),
    threads: defaultThreads(),
    availableInstructionSets: availableInstructionSets(),
    ...(defaultBackend() === nativeBackend ? nativeInfo() : wasmInfo()),
  };
}

/** The instruction sets that `createDevice()` can use on this machine, from the slowest to the fastest. */
export function availableInstructionSets(): InstructionSet[] {
  return defaultBackend() === nativeBackend ? nativeInstructionSets() : availableWasmSets();
}

function nativeInfo(): Pick<CpuInfo, "instructionSet" | "caches"> {
  const { wholeLast: _, ...caches } = nativeAddon().cacheSizes();
  return { instructionSet: chooseInstructionSet(), caches };
}

/** Bytes of the whole last level of cache, all cores' parts. */
export function lastCacheBytes(): number {
  return defaultBackend() === nativeBackend ? nativeAddon().cacheSizes().wholeLast : assumedCaches.last;
}

function wasmInfo(): Pick<CpuInfo, "instructionSet" | "caches"> {
  return { instructionSet: chooseWasmSet("auto"), caches: assumedCaches };
}
