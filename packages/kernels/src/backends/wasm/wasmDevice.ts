import { readWholeFile } from "#platform";
import type { BackendDevice, CacheSizes } from "../../backend.js";
import type { WasmExports } from "./wasmExports.js";
import { WasmQueue } from "./wasmQueue.js";
import type { WasmModule } from "./webAssembly.js";

/** Of a device that nobody holds any more, the threads end. */
const dropped = new FinalizationRegistry<WasmQueue>((queue) => queue.drop());

/** What no block can have: 4 GiB less what the pool may add to a request. */
const MOST_BYTES = 2 ** 32 - 2 ** 26;

/** How many words the calls of a kernel are. */
interface CallSize {
  readonly call: number;
  readonly item: number;
}

/** Memory, queue and threads in one instance of the module and its memory. */
export class WasmDevice implements BackendDevice {
  readonly #queue: WasmQueue;
  readonly #exports: WasmExports;
  readonly #sizes: readonly CallSize[];
  /** Blocks that are not the pool's. */
  readonly #outside = new Map<number, { readonly bytes: number; readonly kind: "file" | "array" }>();
  #words: Float64Array = new Float64Array(0);

  /**
   * @param module - the compiled module
   * @param threads - threads that share one kernel; 0: kernels run on the calling thread
   */
  constructor(module: WasmModule, threads: number, fast: boolean, caches: CacheSizes) {
    this.#queue = new WasmQueue(module);
    this.#exports = this.#queue.instance.exports;
    const { first, second, last } = caches;
    this.#exports.open(Math.max(1, threads), threads > 0 ? 1 : 0, fast ? 1 : 0, first, second, last);
    this.#sizes = Array.from({ length: this.#exports.kernelCount() }, (_, kernel) => ({
      call: this.#exports.wordsOfCall(kernel),
      item: this.#exports.wordsOfItem(kernel),
    }));
    dropped.register(this, this.#queue, this);
  }

  get #memory(): SharedArrayBuffer {
    return this.#queue.instance.memory.buffer;
  }

  allocate(bytes: number): number {
    const id = bytes > MOST_BYTES ? -1 : this.#exports.allocate(bytes);
    if (id < 0) throw this.#noMemory(`a buffer of ${bytes} bytes`);
    return id;
  }

  #noMemory(what: string): Error {
    const [live] = this.memory();
    return new Error(
      `the WebAssembly memory, which is at most 4 GiB, has no room left for ${what} (${live} bytes are live): ` +
        "use a smaller batch or model",
    );
  }

  /** Reads the whole file: WebAssembly sees no memory but its own. */
  mapFile(path: string, bytes: number): number {
    return this.#allocateOutside(bytes, "file", (memory) => readWholeFile(path, memory));
  }

  /** Copies the bytes, for the same reason. */
  borrow(source: ArrayBuffer, sourceOffset: number, bytes: number): number {
    return this.#allocateOutside(bytes, "array", (memory) =>
      memory.set(new Uint8Array(source, sourceOffset, bytes)),
    );
  }

  #allocateOutside(bytes: number, kind: "file" | "array", fill: (memory: Uint8Array) => void): number {
    const id = bytes > MOST_BYTES ? -1 : this.#exports.allocateOutside(bytes);
    if (id < 0) throw this.#noMemory(`${kind === "file" ? "a file" : "an array"} of ${bytes} bytes`);
    this.#outside.set(id, { bytes, kind });
    try {
      fill(new Uint8Array(this.#memory, this.#exports.addressOf(id), bytes));
    } catch (error) {
      this.release(id);
      throw error;
    }
    return id;
  }

  release(id: number): void {
    if (this.#outside.delete(id)) this.#exports.releaseOutside(id);
    else this.#exports.release(id);
  }

  upload(
    id: number,
    byteOffset: number,
    source: ArrayBuffer,
    sourceOffset: number,
    bytes: number,
    _copy: boolean,
  ): void {
    if (bytes === 0) return;
    const to = this.#exports.beginUpload(id, byteOffset, bytes);
    if (to === 0) throw this.#noMemory(`an upload of ${bytes} bytes`);
    new Uint8Array(this.#memory, to, bytes).set(new Uint8Array(source, sourceOffset, bytes));
    this.#exports.endUpload(id, byteOffset, to, bytes);
  }

  prefetch(): void {}

  async checksum(id: number, byteOffset: number, bytes: number): Promise<bigint> {
    if (this.#outside.get(id)?.kind !== "file") {
      throw new Error("checksum: the buffer is no mapped file; expected one that device.mapFile made.");
    }
    return BigInt.asUintN(64, this.#exports.checksum(this.#exports.addressOf(id) + byteOffset, bytes));
  }

  accountExternal(): void {}

  memory(): [number, number, number, number, number] {
    const [live, peak, cached, blocks] = new Float64Array(this.#memory, this.#exports.memoryState(), 4);
    const files = [...this.#outside.values()].filter(({ kind }) => kind === "file");
    return [live!, peak!, cached!, blocks!, files.reduce((sum, { bytes }) => sum + bytes, 0)];
  }

  releaseCache(): void {
    this.#exports.releaseCache();
  }

  setWords(words: Float64Array): void {
    this.#words = words;
  }

  run(): void {
    const words = this.#words;
    const { call, item } = this.#sizes[words[0]!]!;
    const checksAt = 3 + call + words[2]! * item;
    const count = checksAt + 1 + 6 * words[checksAt]!;
    const to = this.#exports.reserveWords(count);
    new Float64Array(this.#memory, to, count).set(words.subarray(0, count));
    this.#exports.run();
  }

  async download(id: number, byteOffset: number, bytes: number): Promise<ArrayBuffer> {
    const exports = this.#exports;
    const from = exports.allocateMemory(bytes);
    if (from === 0) throw this.#noMemory(`a download of ${bytes} bytes`);
    const take = (): ArrayBuffer => {
      const copy = new ArrayBuffer(bytes);
      new Uint8Array(copy).set(new Uint8Array(this.#memory, from, bytes));
      exports.freeMemory(from);
      return copy;
    };
    return this.#queue.wait(take, (ticket) => exports.download(id, byteOffset, from, bytes, ticket));
  }

  synchronize(): Promise<void> {
    return this.#queue.wait(
      () => undefined,
      (ticket) => this.#exports.synchronize(ticket),
    );
  }

  startProfile(simulatedThreads: number): void {
    this.#exports.startProfile(simulatedThreads);
  }

  stopProfile(): Promise<Float64Array> {
    return this.#queue.wait(
      (profile) => profile,
      (ticket) => this.#exports.stopProfile(ticket),
    );
  }

  close(): void {
    dropped.unregister(this);
    this.#queue.close();
  }
}
