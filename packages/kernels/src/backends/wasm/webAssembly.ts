/** What is used of the global `WebAssembly`: neither `lib` nor @types/node declares it without the DOM. */
interface WebAssemblyNamespace {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: unknown };
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  compile(bytes: Uint8Array): Promise<WasmModule>;
  validate(bytes: Uint8Array): boolean;
}

/** A compiled `WebAssembly.Module`. */
export type WasmModule = object;

/** A `WebAssembly.Memory` that threads share. Its buffer is another one after it has grown. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** The engine's own. */
export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly;
