import { canShareMemory, hasFiles } from "#platform";
import type { Backend } from "../../backend.js";
import { WasmDevice } from "./wasmDevice.js";
import { chooseWasmSet, listKernels } from "./wasmModule.js";
import { wasmModule } from "./wasmModules.js";

/** What is assumed of the CPU's caches, which WebAssembly does not tell. */
export const assumedCaches = { first: 32 << 10, second: 1 << 20, last: 32 << 20 };

/**
 * The same kernels in WebAssembly, where no addon fits and in browsers. Threads are workers, where memory can be shared
 * (in browsers: on pages that are cross-origin isolated); elsewhere a kernel runs on the calling thread when it is
 * enqueued. Results do not depend on it.
 */
export const wasmBackend: Backend = {
  name: "wasm",
  lacks: hasFiles ? [] : ["mapFile", "checksum"],
  kernels: listKernels,
  open({ threads: wanted, instructionSet, implementation, caches: given }) {
    const chosen = chooseWasmSet(instructionSet);
    const threads = canShareMemory() ? wanted : 1;
    const device = new WasmDevice(
      wasmModule(chosen),
      canShareMemory() ? threads : 0,
      implementation === "fast",
      given ?? assumedCaches,
    );
    return { instructionSet: chosen, threads, device };
  },
};
