import type { WasmExports } from "./wasmExports.js";
import { type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.js";

const page = 65536;
/** What native/wasm is linked for: 4 MiB at first, and 4 GiB less one page at most. */
const initialPages = (4 << 20) / page;
const mostPages = 65535;

/** Memory that may grow as far as the system allows: some have no 4 GiB of addresses left. */
function createMemory(): WasmMemory {
  for (let maximum = mostPages; ; maximum = maximum >>> 1) {
    try {
      return new webAssembly.Memory({ initial: initialPages, maximum, shared: true });
    } catch (error) {
      if (maximum < 2 * initialPages) throw error;
    }
  }
}

/** What the module calls. */
export interface WasmHost {
  /** Starts a thread that runs the function at this address. */
  startThread(entry: number): void;
  /** Something that is awaited has completed. */
  completed(): void;
  /** Lets another thread have the core. */
  yieldThread(): void;
}

/** The instance of JavaScript's thread, with a memory of its own. */
export interface WasmInstance {
  /** Its functions. */
  readonly exports: WasmExports;
  /** Its memory. */
  readonly memory: WasmMemory;
}

/** An instance of the module with new memory. */
export function createInstance(module: WasmModule, host: WasmHost): WasmInstance {
  const memory = createMemory();
  const clock = (_id: number, _precision: bigint, address: number): number => {
    new BigInt64Array(memory.buffer, address, 1)[0] = BigInt(Math.round(performance.now() * 1e6));
    return 0;
  };
  // Of the C library's other calls, to write files, none is reached.
  const system = new Proxy({}, { get: (_, name) => (name === "clock_time_get" ? clock : () => 0) });
  const imports = { env: { memory }, host, wasi_snapshot_preview1: system };
  const exports = new webAssembly.Instance(module, imports).exports as WasmExports;
  exports._initialize();
  return { exports, memory };
}

/** `bytes` bytes of text, or a text that a zero ends. */
export function textAt({ memory }: WasmInstance, address: number, bytes?: number): string {
  const all = new Uint8Array(memory.buffer);
  const end = bytes === undefined ? all.indexOf(0, address) : address + bytes;
  return new TextDecoder().decode(all.slice(address, end));
}
