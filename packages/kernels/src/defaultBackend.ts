import { environmentVariable, runsAddons } from "#platform";
import type { Backend } from "./backend.js";
import { nativeBackend } from "./backends/native/nativeBackend.js";
import { wasmBackend } from "./backends/wasm/wasmBackend.js";

const named: Readonly<Record<string, Backend>> = { native: nativeBackend, wasm: wasmBackend };

/**
 * The backend that the environment variable `SPLITMASK_BACKEND` names, else the native one, or the one in WebAssembly
 * where that has no addon.
 * @throws Error that says what to do if there is neither.
 */
export function defaultBackend(): Backend {
  const asked = environmentVariable("SPLITMASK_BACKEND");
  if (asked) {
    const backend = named[asked];
    if (backend !== undefined) return backend;
    throw new Error(`SPLITMASK_BACKEND is "${asked}"; it must be "native" or "wasm".`);
  }
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
