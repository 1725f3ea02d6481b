/**
 * The instruction sets that the fast kernels are compiled for; `portable` runs on every CPU, `avx512bf16` is `avx512`
 * with the CPU's own bfloat16 products. `simd128` and `relaxed-simd` are those of WebAssembly; the latter has a
 * multiply-add, which rounds once on CPUs that have it, so that results differ from the former's in their last bits.
 */
export type InstructionSet =
  | "portable"
  | "avx2"
  | "avx512"
  | "avx512bf16"
  | "neon"
  | "simd128"
  | "relaxed-simd";

/**
 * What a backend may lack: `values` (without it, it computes nothing), `float64`, `checkFinite`, `profile`, and the
 * methods of {@link Device} with these names.
 */
export type BackendFeature =
  | "values"
  | "float64"
  | "checkFinite"
  | "profile"
  | "mapFile"
  | "borrow"
  | "checksum";

/** Sizes of a CPU's data caches in bytes; for a level that cores share, one core's share. */
export interface CacheSizes {
  /** The first level. */
  readonly first: number;
  /** The second level. */
  readonly second: number;
  /** The last level; on a machine of two levels the second one. */
  readonly last: number;
}

/** A kernel as a backend has it. */
export interface BackendKernel {
  /** Its name in `kernelTable`. */
  readonly name: string;
  /**
   * The arguments that it takes, as one text, in the order in which it reads them: `(dtype output, integer size, value
   * value)`. A device throws if they are not those of the entry in `kernelTable`.
   */
  readonly signature: string;
}

/** How a backend is opened; every value is set and checked. */
export interface BackendOptions {
  /** Threads that share one kernel. */
  readonly threads: number;
  /** The instruction set of the fast kernels; `"auto"`: the backend chooses. */
  readonly instructionSet: InstructionSet | "auto";
  /** Whether the fast or the naive kernels run. */
  readonly implementation: "fast" | "naive";
  /** Cache sizes by which kernels choose their blocks; null: the machine's. */
  readonly caches: CacheSizes | null;
}

/**
 * The memory, the queue and the kernels behind one {@link Device}, which checks every argument first. Blocks of memory
 * have ids, whole numbers from 0 on. Methods for features that the backend lacks are never called.
 */
export interface BackendDevice {
  /**
   * A block of at least `bytes` bytes, 64-byte aligned, content undefined.
   * @throws Error if there is no memory left.
   */
  allocate(bytes: number): number;
  /**
   * Maps a file of exactly `bytes` bytes as a read-only block.
   * @throws Error if it cannot be mapped or has another size.
   */
  mapFile(path: string, bytes: number): number;
  /**
   * Makes some bytes of an array a read-only block, without a copy. The array is kept alive until the block is released
   * and the queue has passed its last use.
   */
  borrow(source: ArrayBuffer, sourceOffset: number, bytes: number): number;
  /** Returns a block to the pool. It may be handed out again at once, because the queue runs in order. */
  release(id: number): void;
  /**
   * Copies bytes into a block, in queue order. With `copy` the source is read at once, otherwise when the queue gets
   * there.
   */
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
  /** XXH64 of a part of a mapped file, computed outside of the queue. */
  checksum(id: number, byteOffset: number, bytes: number): Promise<bigint>;
  /**
   * Is told how many more (or fewer) bytes JavaScript's handles hold, so that the garbage collector can take them into
   * account.
   */
  accountExternal(bytes: number): void;
  /** The pool's state (`DeviceMemory` says what each number means). */
  memory(): [
    liveBytes: number,
    peakLiveBytes: number,
    cachedBytes: number,
    liveBuffers: number,
    mappedBytes: number,
  ];
  /** Returns the memory that is cached for the next allocations to the system. */
  releaseCache(): void;

  /** Sets the array from which {@link run} reads its call. The caller keeps the array and writes every call into it. */
  setWords(words: Float64Array): void;
  /**
   * Enqueues the call that the words describe, in this order: the kernel (its index among the backend's kernels); 1 for
   * float64, else 0; the number of items; block and byteOffset of each buffer (block −1: not given); the numbers; block
   * and byteOffset of the items' buffers; the items' numbers; the number of checks for NaN and infinities, and of each
   * check block, byteOffset, rows, columns, elements from row to row and bytes of an element (2: bfloat16).
   */
  run(): void;
  /**
   * Resolves with the bytes when the queue has reached this point.
   * @throws (rejects) Error with the name of the first kernel that failed since the last await.
   */
  download(id: number, byteOffset: number, bytes: number): Promise<ArrayBuffer>;
  /** Resolves when the queue has reached this point. @throws (rejects) as {@link download}. */
  synchronize(): Promise<void>;
  /**
   * From here on the queue records what it runs. With `simulatedThreads` > 0, kernels cut their work as for that many
   * threads, and one thread runs the tasks one after the other. A backend without threads ignores it.
   */
  startProfile(simulatedThreads: number): void;
  /**
   * Ends the record and resolves with it when the queue has reached this point, in the order that `readProfile` reads.
   */
  stopProfile(): Promise<Float64Array>;

  /** Ends the queue: queued work is dropped, and pending promises reject. */
  close(): void;
}

/** What a backend opened. */
export interface OpenedBackend {
  /** The instruction set that was chosen. */
  readonly instructionSet: InstructionSet;
  /** The threads that share one kernel; default: those that were asked for. */
  readonly threads?: number;
  /** Memory and queue. */
  readonly device: BackendDevice;
}

/** What runs the kernels of a {@link Device}. `createDevice({ backend })` also takes a backend of another package. */
export interface Backend {
  /** Its name, for errors. */
  readonly name: string;
  /** The features that it lacks: the device throws an error that names them. */
  readonly lacks: readonly BackendFeature[];
  /** Its kernels. Calls name a kernel by its index in this list. */
  kernels(): readonly BackendKernel[];
  /**
   * Opens a queue with a memory pool of its own.
   *
   * @throws Error if the machine lacks what was asked for.
   */
  open(options: BackendOptions): OpenedBackend;
}
