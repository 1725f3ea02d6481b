/**
 * The instruction sets that the fast kernels are compiled for; `portable` runs on every CPU, `avx512bf16` is `avx512`
 * with the CPU's own bfloat16 products.
 */
export type InstructionSet = "portable" | "avx2" | "avx512" | "avx512bf16" | "neon";

/**
 * What a backend may lack: `values` (it computes nothing), `float64`, `checkFinite`, `profile`, and the methods of
 * {@link Device} that have these names.
 */
export type BackendFeature =
  | "values"
  | "float64"
  | "checkFinite"
  | "profile"
  | "mapFile"
  | "borrow"
  | "checksum";

/** A kernel as a backend has it. */
export interface BackendKernel {
  /** Its name in `kernelTable`. */
  readonly name: string;
  /**
   * The arguments that it was made for, as one text in the order in which it reads them:
   * `(dtype output, integer size, value value)`. A device refuses a kernel that takes others than its entry has.
   */
  readonly signature: string;
}

/** How a backend is opened; every value is set and checked. */
export interface BackendOptions {
  /** Threads that share one kernel. */
  readonly threads: number;
  /** The instruction set of the fast kernels; `"auto"`: the backend chooses. */
  readonly instructionSet: InstructionSet | "auto";
  /** Whether the fast kernels run, or the plain ones. */
  readonly implementation: "fast" | "naive";
}

/**
 * The memory, the queue and the kernels behind one {@link Device}, which checks every argument before it comes here.
 * Blocks of memory are named by whole numbers from 0 on. What a backend lacks is never called.
 */
export interface BackendDevice {
  /**
   * A block of at least `bytes` bytes, 64-byte aligned, content undefined.
   * @throws Error if there is no memory left.
   */
  allocate(bytes: number): number;
  /**
   * A file of exactly `bytes` bytes as a block that is only read.
   * @throws Error if it cannot be mapped or has another size.
   */
  mapFile(path: string, bytes: number): number;
  /**
   * Some bytes of an array as a block that is only read; the array is held until the block is released and the queue
   * has passed its last use.
   */
  borrow(source: ArrayBuffer, sourceOffset: number, bytes: number): number;
  /** Gives a block back: it may be handed out again at once, for the queue is in order. */
  release(id: number): void;
  /** Copies bytes into a block in queue order: taken at once with `copy`, else when the queue comes to it. */
  upload(
    id: number,
    byteOffset: number,
    source: ArrayBuffer,
    sourceOffset: number,
    bytes: number,
    copy: boolean,
  ): void;
  /** Asks for a part of a mapped file to be read soon. */
  prefetch(id: number, byteOffset: number, bytes: number): void;
  /** XXH64 of a part of a mapped file, past the queue. */
  checksum(id: number, byteOffset: number, bytes: number): Promise<bigint>;
  /** Hears how many bytes more (or fewer) JavaScript's handles hold, so that the garbage collector can know. */
  accountExternal(bytes: number): void;
  /** The pool's state (`DeviceMemory` says what each number means). */
  memory(): [
    liveBytes: number,
    peakLiveBytes: number,
    cachedBytes: number,
    liveBuffers: number,
    mappedBytes: number,
  ];
  /** Gives what is kept for the next allocations back to the system. */
  releaseCache(): void;

  /** The array in which {@link run} finds its call; whoever writes calls keeps it and writes into it. */
  setWords(words: Float64Array): void;
  /**
   * Puts the call in the words on the queue: kernel (its place among the backend's kernels), 1 for float64, count of
   * items, then block and byteOffset of each buffer (block −1: not given), the numbers, block and byteOffset of the
   * items' buffers, the items' numbers, and the count of checks for NaN and infinities, with block, byteOffset, rows,
   * columns and elements from row to row of each.
   */
  run(): void;
  /**
   * The bytes when the queue has come this far.
   * @throws (rejects) Error with the name of the first kernel that failed since the last await.
   */
  download(id: number, byteOffset: number, bytes: number): Promise<ArrayBuffer>;
  /** Resolves when the queue has come this far. @throws (rejects) as {@link download}. */
  synchronize(): Promise<void>;
  /** From here on the queue records what it runs. */
  startProfile(): void;
  /** The record, when the queue has come this far, in the order that `readProfile` reads. */
  stopProfile(): Promise<Float64Array>;

  /** Ends the queue; what is queued is dropped, and what is awaited is rejected. */
  close(): void;
}

/** What a backend opened. */
export interface OpenedBackend {
  /** The instruction set that was chosen. */
  readonly instructionSet: InstructionSet;
  /** Memory and queue. */
  readonly device: BackendDevice;
}

/** Where kernels run, below {@link Device}: `createDevice({ backend })` takes one of another package's, too. */
export interface Backend {
  /** Its name, for errors. */
  readonly name: string;
  /** What it cannot do: the device then throws an error that says so. */
  readonly lacks: readonly BackendFeature[];
  /** The kernels that it has, in the order in which calls count them. */
  kernels(): readonly BackendKernel[];
  /**
   * Opens a queue with a memory pool of its own.
   *
   * @throws Error if the machine lacks what was asked for.
   */
  open(options: BackendOptions): OpenedBackend;
}
