import { readWasm } from "#platform";
import type { InstructionSet } from "../../backend.js";
import { type WasmModule, webAssembly } from "./webAssembly.js";

/** The instruction sets that modules are compiled for, from the slowest to the fastest. */
export const wasmSets = ["simd128", "relaxed-simd"] as const;

/** One of {@link wasmSets}. */
export type WasmSet = (typeof wasmSets)[number];

/** The file of each. */
const files: Readonly<Record<WasmSet, string>> = {
  simd128: "splitmask_kernels.wasm",
  "relaxed-simd": "splitmask_kernels_relaxed.wasm",
};

/**
 * The body of a function that uses an instruction of each set: `v128.any_true` of a constant, `f32x4.relaxed_madd` of
 * three.
 */
const probes: Readonly<Record<WasmSet, readonly number[]>> = {
  simd128: [65, 0, 253, 15, 253, 83, 26],
  "relaxed-simd": [65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26],
};

function runs(set: WasmSet): boolean {
  const body = [0, ...probes[set], 11];
  const header = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0];
  return webAssembly.validate(Uint8Array.from([...header, 10, body.length + 2, 1, body.length, ...body]));
}

/** The sets that this engine runs, from the slowest to the fastest. */
export const wasmSetsOfEngine = (): WasmSet[] =>
  typeof webAssembly === "undefined" ? [] : wasmSets.filter(runs);

const modules = new Map<WasmSet, WasmModule>();

/**
 * The instruction sets of the WebAssembly backend that this engine runs and whose modules are there, from the slowest
 * to the fastest; in a browser those that `loadWasm` has fetched.
 */
export function availableWasmSets(): InstructionSet[] {
  return wasmSetsOfEngine().filter((set) => {
    try {
      return wasmModule(set) !== null;
    } catch {
      return false;
    }
  });
}

/** The compiled module; read and compiled when it is first asked for. @throws Error if it is not there. */
export function wasmModule(set: WasmSet): WasmModule {
  let module = modules.get(set);
  if (module === undefined) {
    module = new webAssembly.Module(readWasm(files[set]));
    modules.set(set, module);
  }
  return module;
}

/** Options of {@link loadWasm}. */
export interface LoadWasmOptions {
  /** The folder that serves the modules of `@splitmask/kernels-wasm`. Default: that of the page or worker. */
  readonly from?: string | URL;
}

/**
 * Fetches and compiles the module of the WebAssembly backend that is fastest in this engine. Browsers need it before
 * the first `createDevice()`; elsewhere the module is read from its file when it is needed.
 * @throws (rejects) Error if it cannot be fetched, or the engine has no WebAssembly with SIMD.
 */
export async function loadWasm(options: LoadWasmOptions = {}): Promise<void> {
  const set = wasmSetsOfEngine().at(-1);
  if (set === undefined)
    throw new Error(
      "loadWasm: this engine has no WebAssembly with SIMD (Chrome 91, Firefox 89, Safari 16.4 have).",
    );
  if (modules.has(set)) return;
  const { from = "./" } = options;
  const url = new URL(files[set], new URL(from, baseUrl()));
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(
      `loadWasm: ${url.href} cannot be fetched (${response.status}); serve the files of @splitmask/kernels-wasm ` +
        "and name their folder: loadWasm({ from }).",
    );
  }
  modules.set(set, await webAssembly.compile(new Uint8Array(await response.arrayBuffer())));
}

function baseUrl(): string {
  return (globalThis as unknown as { location?: { href: string } }).location?.href ?? import.meta.url;
}
