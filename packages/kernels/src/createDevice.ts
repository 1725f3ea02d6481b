import { defaultThreads } from "#platform";
import type { Backend, CacheSizes, InstructionSet } from "./backend.js";
import { dryBackend } from "./backends/dry/dryBackend.js";
import { nativeBackend } from "./backends/native/nativeBackend.js";
import { wasmBackend } from "./backends/wasm/wasmBackend.js";
import { defaultBackend } from "./defaultBackend.js";
import { Device } from "./device.js";

const backends = { native: nativeBackend, wasm: wasmBackend, dry: dryBackend } as const;

/** Options of {@link createDevice}. */
export interface DeviceOptions {
  /**
   * What computes. `"native"` is the C++ addon, `"wasm"` the same kernels in WebAssembly. Default: the
   * one that `SPLITMASK_BACKEND` names, else `"native"`, or `"wasm"` where no addon fits the machine and in browsers;
   * `device.backend` tells which it is. `"dry"` takes the same calls and computes nothing: `memory()`
   * and profiles count what the native backend would allocate and run, with durations of 0 and without the scratch
   * memory of kernels, which is not in the pool. Every download resolves with zeros, so a loss reads as 0. An object is
   * a backend of another package.
   */
  readonly backend?: keyof typeof backends | Backend;
  /**
   * Threads that share one kernel; default: the cores of the machine, or the container's limit. Results do not depend
   * on it.
   */
  readonly threads?: number;
  /**
   * The instruction set of the fast kernels; default `"auto"`: the one that `SPLITMASK_INSTRUCTION_SET` names, or the
   * fastest.
   */
  readonly instructionSet?: InstructionSet | "auto";
  /** `"naive"` runs the simple loops that the fast kernels are tested against. Default `"fast"`. */
  readonly implementation?: "fast" | "naive";
  /**
   * Cache sizes by which kernels choose their blocks. Default: the machine's, as `cpuInfo()` has them. Results do not
   * depend on them.
   */
  readonly caches?: CacheSizes;
  /**
   * Looks at every kernel's outputs and fails with the name of the first kernel that made a NaN or an infinity. Slow;
   * default false.
   */
  readonly checkFinite?: boolean;
}

/**
 * Makes a device: a queue, the threads that run it, and a memory pool. A process and its worker threads may have
 * several.
 * @throws Error that says what to do if there is neither an addon for this machine nor the WebAssembly module.
 */
export function createDevice(options: DeviceOptions = {}): Device {
  const {
    backend: wanted,
    threads = defaultThreads(),
    instructionSet = "auto",
    implementation = "fast",
    caches = null,
    checkFinite = false,
  } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new RangeError(`createDevice: threads is ${threads}; it must be a whole number from 1 to 256.`);
  }
  if (implementation !== "fast" && implementation !== "naive") {
    throw new TypeError(
      `createDevice: implementation is ${JSON.stringify(implementation)}; it must be "fast" or "naive".`,
    );
  }
  if (caches !== null && ![caches.first, caches.second, caches.last].every(isSize)) {
    throw new RangeError(
      `createDevice: caches is ${JSON.stringify(caches)}; first, second and last must be whole numbers of bytes, ` +
        "1 or more.",
    );
  }
  if (typeof wanted === "string" && !Object.hasOwn(backends, wanted)) {
    const names = Object.keys(backends).map((name) => JSON.stringify(name));
    throw new TypeError(
      `createDevice: backend is ${JSON.stringify(wanted)}; it must be ${names.join(", ")} or a Backend.`,
    );
  }
  const backend =
    wanted === undefined ? defaultBackend() : typeof wanted === "string" ? backends[wanted] : wanted;
  const device = new Device(backend, { threads, instructionSet, implementation, caches });
  device.checkFinite = checkFinite;
  return device;
}

function isSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0;
}
