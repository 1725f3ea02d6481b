import { runsAddons } from "#platform";
import type { Backend } from "./backend.js";
import { nativeBackend } from "./backends/native/nativeBackend.js";
import { wasmBackend } from "./backends/wasm/wasmBackend.js";

/**
 * The native backend, or the one in WebAssembly where that has no addon.
 * @throws Error that says what to do if there is neither.
 */
export function defaultBackend(): Backend {
  try {
    nativeBackend.kernels();
    return nativeBackend;
  } catch (error) {
    try {
      wasmBackend.kernels();
    } catch (second) {
      if (!runsAddons) throw second;
      throw new Error(
        `${(error as Error).message}\nThe WebAssembly backend cannot take over: ${(second as Error).message}`,
        { cause: error },
      );
    }
    return wasmBackend;
  }
}
