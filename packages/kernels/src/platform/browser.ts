/** What browsers give, for what `node.ts` gives elsewhere. */
import type { NativeAddon } from "../backends/native/loader.js";
import type { ThreadWorker } from "./threadWorker.js";

export type { ThreadWorker } from "./threadWorker.js";

interface BrowserWorker {
  onmessage: (() => void) | null;
  postMessage(data: unknown): void;
  terminate(): void;
}

interface BrowserPort {
  onmessage: (() => void) | null;
  postMessage(data: unknown): void;
  close(): void;
}

/** What is used of the browser's globals, which are not in the types of Node.js. */
const browser = globalThis as unknown as {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number; readonly userAgent?: string };
  readonly Worker?: new (url: string) => BrowserWorker;
  readonly MessageChannel: new () => { readonly port1: BrowserPort; readonly port2: BrowserPort };
};

/** @throws Error always: browsers run no addon. */
export function nativeAddon(): NativeAddon {
  throw new Error("a browser runs no native addon");
}

export const runsAddons = false;

export const buildCommand = "npm run build";

export const availableCores = (): number => browser.navigator?.hardwareConcurrency ?? 1;

export const defaultThreads = (): number => Math.min(256, availableCores());

export const cpuModel = (): string => browser.navigator?.userAgent ?? "unknown";

export const environmentVariable = (_name: string): string | undefined => undefined;

/** @throws Error always: browsers have no files. */
export function plainFileBytes(path: string): number | null {
  throw new Error(`mapFile: ${path} cannot be mapped: a browser has no files.`);
}

/** @throws Error always. */
export function readWholeFile(path: string, _memory: Uint8Array): void {
  plainFileBytes(path);
}

/** Not a timer, which browsers delay. */
export function nextTurn(run: () => void): void {
  const { port1, port2 } = new browser.MessageChannel();
  port1.onmessage = () => {
    port1.close();
    run();
  };
  port2.postMessage(null);
}

export const hasFiles = false;

/** @throws Error always: a browser fetches the module, which takes a while. */
export function readWasm(_name: string): Uint8Array {
  throw new Error(
    "createDevice: the WebAssembly module has not been loaded; call `await loadWasm()` of @splitmask/kernels before.",
  );
}

export const canShareMemory = (): boolean =>
  browser.crossOriginIsolated === true && browser.Worker !== undefined;

export function startWorker(source: string, data: unknown, onMessage: () => void): ThreadWorker {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new browser.Worker!(url);
  worker.onmessage = onMessage;
  worker.postMessage(data);
  return { keepAlive: () => {}, end: () => worker.terminate() };
}
