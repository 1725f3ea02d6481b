import type { BackendKernel, InstructionSet } from "../../backend.js";
import { createInstance, textAt, type WasmInstance } from "./wasmInstance.js";
import { type WasmSet, wasmModule, wasmSetsOfEngine } from "./wasmModules.js";

/** The set asked for, or the fastest. @throws Error if the engine does not run it. */
export function chooseWasmSet(asked: InstructionSet | "auto"): WasmSet {
  const available = wasmSetsOfEngine();
  const found = asked === "auto" ? available.at(-1) : available.find((set) => set === asked);
  if (found !== undefined) return found;
  throw new Error(
    available.length === 0
      ? "createDevice: this engine has no WebAssembly with SIMD, which the WebAssembly backend needs."
      : `createDevice: instructionSet is "${asked}", but WebAssembly here runs only ` +
          `${available.map((set) => `"${set}"`).join(", ")}. Use one of these, or "auto".`,
  );
}

let instance: WasmInstance | null = null;

/** An instance without a device. */
function bareInstance(): WasmInstance {
  instance ??= createInstance(wasmModule(chooseWasmSet("auto")), {
    startThread: () => {},
    completed: () => {},
    yieldThread: () => {},
  });
  return instance;
}

let listed: readonly BackendKernel[] | null = null;

/** The kernels of the module, which are the same for every set. */
export function listKernels(): readonly BackendKernel[] {
  if (listed !== null) return listed;
  const bare = bareInstance();
  const { exports } = bare;
  listed = Array.from({ length: exports.kernelCount() }, (_, kernel) => ({
    name: textAt(bare, exports.kernelName(kernel)),
    signature: textAt(bare, exports.kernelSignature(kernel)),
  }));
  return listed;
}

/** XXH64 with seed 0. */
export function wasmChecksum(bytes: Uint8Array): bigint {
  const { exports, memory } = bareInstance();
  const address = exports.allocateMemory(bytes.byteLength);
  if (address === 0) throw new Error(`checksum: there is no memory left for ${bytes.byteLength} bytes.`);
  new Uint8Array(memory.buffer, address, bytes.byteLength).set(bytes);
  const sum = BigInt.asUintN(64, exports.checksum(address, bytes.byteLength));
  exports.freeMemory(address);
  return sum;
}
