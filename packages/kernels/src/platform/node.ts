/** What Node.js, Deno and Bun give; bundles for browsers have `browser.ts` in its place. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { Worker } from "node:worker_threads";
import { wasmFile } from "../backends/wasm/wasmFile.js";
import type { ThreadWorker } from "./threadWorker.js";

export { nativeAddon } from "../backends/native/loader.js";
export { buildCommand } from "../buildCommand.js";
export { defaultThreads } from "../threads.js";
export type { ThreadWorker } from "./threadWorker.js";

/** Node.js reads less than 2 GiB at a time. */
const MOST_AT_ONCE = 2 ** 30;

/** Whether native addons can be loaded. */
export const runsAddons = true;

/** Logical cores that this process may use. */
export const availableCores = (): number => availableParallelism();

/** The CPU's name. */
export const cpuModel = (): string => cpus()[0]?.model.trim() ?? "unknown";

/** The variable of the environment. */
export const environmentVariable = (name: string): string | undefined => process.env[name];

/** Whether there are files. */
export const hasFiles = true;

/** The size of a plain file; null: it is none. @throws Error if there is no such file. */
export function plainFileBytes(path: string): number | null {
  const status = statSync(path);
  return status.isFile() ? status.size : null;
}

/** Fills `memory` with a plain file of that size. @throws Error if it has another one, or cannot be read. */
export function readWholeFile(path: string, memory: Uint8Array): void {
  const size = plainFileBytes(path);
  if (size !== memory.byteLength) {
    const problem =
      size === null ? "it is no plain file" : `it has ${size} bytes; expected ${memory.byteLength}`;
    throw new Error(`mapFile: ${path} cannot be mapped: ${problem}.`);
  }
  const file = openSync(path, "r");
  try {
    for (let at = 0; at < size; ) {
      const read = readSync(file, memory, at, Math.min(size - at, MOST_AT_ONCE), at);
      if (read === 0) throw new Error(`mapFile: ${path} became shorter while it was read.`);
      at += read;
    }
  } finally {
    closeSync(file);
  }
}

/** Runs a function in a later turn of the event loop. */
export const nextTurn = (run: () => void): void => void setImmediate(run);

/** The bytes of a module of the WebAssembly backend. @throws Error if it is not there. */
export const readWasm = (name: string): Uint8Array => readFileSync(wasmFile(name));

/** Whether other threads can share memory. */
export const canShareMemory = (): boolean => true;

/** Starts a worker that runs a script on `data`; it keeps no process running. */
export function startWorker(source: string, data: unknown, onMessage: () => void): ThreadWorker {
  const worker = new Worker(source, { eval: true, workerData: data, execArgv: [] });
  worker.on("message", onMessage);
  worker.unref();
  return {
    keepAlive: (needed) => (needed ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}
