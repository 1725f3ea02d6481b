import type {
  Backend,
  BackendDevice,
  BackendFeature,
  BackendKernel,
  BackendOptions,
  InstructionSet,
} from "./backend.js";
import { CallWriter, checkUsable, layoutsOf } from "./callWriter.js";
import { type BlockHandle, type BufferOwner, DeviceBuffer } from "./deviceBuffer.js";
import type { BufferArgument, KernelArguments } from "./kernelArguments.js";
import type { KernelName } from "./kernelTable.js";
import { type Profile, readProfile } from "./profile.js";

/**
 * The pool's state. Bytes are those of whole blocks, which are rounded up: to a multiple of 64 bytes, above 512 bytes
 * by at most an eighth, and from 1 MiB on by less than a page.
 */
export interface DeviceMemory {
  /** In use. */
  readonly liveBytes: number;
  /** The most bytes that were ever in use. */
  readonly peakLiveBytes: number;
  /** Bytes that were released and are cached for the next allocation. */
  readonly cachedBytes: number;
  /** Buffers in use. */
  readonly liveBuffers: number;
  /**
   * Bytes of mapped files. They take address space but no memory of the pool; the system drops and reads their pages as
   * it needs.
   */
  readonly mappedBytes: number;
}

/** Not by `instanceof`: browsers have no such class on pages that are not cross-origin isolated. */
const isShared = (buffer: ArrayBufferLike): boolean =>
  Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";

/** V8 is told of changes of at least this many bytes. */
const ACCOUNTING_STEP = 4 << 20;

/**
 * A device is an in-order queue: `run` puts a kernel on it and returns at once; `download` and `synchronize` resolve
 * when the queue has reached that point. Its backend runs the queue, so the event loop stays free. Made by
 * {@link createDevice}.
 */
export class Device implements BufferOwner {
  /** The name of its backend: `"native"`, `"wasm"`, `"dry"`, or that of another package's backend. */
  readonly backend: string;
  /** Threads that share one kernel. */
  readonly threads: number;
  /** The instruction set of the fast kernels. */
  readonly instructionSet: InstructionSet;
  /** Whether the fast or the naive kernels run. */
  readonly implementation: "fast" | "naive";
  readonly #lacks: ReadonlySet<BackendFeature>;
  readonly #backend: BackendDevice;
  readonly #kernels: readonly BackendKernel[];
  readonly #collected: FinalizationRegistry<BlockHandle>;
  readonly #calls: CallWriter;
  #checkFinite = false;
  #liveBytes = 0;
  #accountedBytes = 0;
  #simulatedThreads: number | null = null; // of the profile that is being taken; null: none is
  #closed = false;

  /** @internal Use {@link createDevice}. */
  constructor(backend: Backend, options: BackendOptions) {
    this.#kernels = backend.kernels();
    // Before anything is opened: it throws where the kernels are not those of the table.
    const layouts = layoutsOf(backend.name, this.#kernels);
    const { instructionSet, threads = options.threads, device } = backend.open(options);
    this.backend = backend.name;
    this.threads = threads;
    this.instructionSet = instructionSet;
    this.implementation = options.implementation;
    this.#lacks = new Set(backend.lacks);
    this.#backend = device;
    this.#calls = new CallWriter(this, device, layouts);
    this.#collected = new FinalizationRegistry((handle) => this.giveBack(handle));
  }

  /**
   * Whether its backend lacks a feature. For example, `device.lacks("values")` is true for a dry device, whose
   * downloads are zeros. docs/features.md lists the features of each backend.
   */
  lacks(feature: BackendFeature): boolean {
    return this.#lacks.has(feature);
  }

  /** Whether the outputs of the kernels that are put on the queue from now on are checked for NaN and infinities. */
  get checkFinite(): boolean {
    return this.#checkFinite;
  }

  /** May be switched at any time. @throws Error if it is switched on and the backend cannot check. */
  set checkFinite(value: boolean) {
    if (value) this.#need("checkFinite", "checkFinite");
    this.#checkFinite = value;
  }

  /**
   * Puts a kernel on the queue and returns at once. `args` holds every buffer and number of the kernel in `kernelTable`
   * by name.
   * @param name - a kernel of `kernelTable`
   * @param dtype - element type of the buffers; float64 runs the naive kernel in double precision
   * @throws Error if an argument is missing, is not a number, or is a buffer that was released or belongs to another
   * device.
   */
  run<Name extends KernelName>(name: Name, dtype: "float32" | "float64", args: KernelArguments<Name>): void {
    if (dtype === "float64") this.#need("float64", name);
    this.#calls.write(name, dtype, args as unknown as Readonly<Record<string, unknown>>);
    this.#open.run();
  }

  /** A block of at least `bytes` bytes, 64-byte aligned, content undefined. */
  allocate(bytes: number): DeviceBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`allocate: bytes is ${bytes}; it must be a whole number of bytes, 0 or more.`);
    }
    const buffer = this.#bufferOf({ id: this.#open.allocate(bytes), bytes, readOnly: false });
    this.#liveBytes += bytes;
    this.#account();
    return buffer;
  }

  /**
   * A file as a buffer that kernels read in place (uint8 inputs only, such as pictures). Nothing is read or copied now:
   * its pages are the system's file cache, shared with other processes, and take no memory of the pool. The file is
   * unmapped when the buffer is released and the queue has passed its last use; deleting or replacing the file until
   * then changes nothing. Do not truncate the file while it is mapped: reading the missing part ends the process.
   * @param path - a plain file
   * @param bytes - the size that it must have, at least 1
   * @throws Error if it cannot be mapped or has another size.
   */
  mapFile(path: string, bytes: number): DeviceBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 1) {
      throw new RangeError(`mapFile: bytes is ${bytes}; it must be a whole number of bytes, 1 or more.`);
    }
    this.#need("mapFile", "mapFile");
    return this.#bufferOf({ id: this.#open.mapFile(path, bytes), bytes, readOnly: true });
  }

  /**
   * An array as a buffer that kernels read in place (uint8 inputs only, such as pictures), without a copy. It is held
   * until the buffer is released and the queue has passed its last use, and must not change until then.
   * @throws TypeError if it is a shared array.
   */
  borrow(source: ArrayBufferView): DeviceBuffer {
    const { buffer, byteOffset, byteLength: bytes } = source;
    if (isShared(buffer)) {
      throw new TypeError("borrow: the array is shared, so another thread may change it; upload it instead.");
    }
    this.#need("borrow", "borrow");
    return this.#bufferOf({
      id: this.#open.borrow(buffer as ArrayBuffer, byteOffset, bytes),
      bytes,
      readOnly: true,
    });
  }

  /**
   * Asks the system to read a part of a mapped file soon, so that kernels need not wait for the disk; returns at once.
   * Does nothing for other buffers.
   */
  prefetch(source: BufferArgument, bytes: number): void {
    this.#checkRange("prefetch", source, bytes);
    if (source.buffer.readOnly) this.#open.prefetch(source.buffer.id, source.byteOffset, bytes);
  }

  /**
   * The {@link checksum} of a part of a mapped file, computed on another thread, outside of the queue.
   * @throws Error if the buffer is no mapped file.
   */
  checksum(source: BufferArgument, bytes: number): Promise<bigint> {
    this.#checkRange("checksum", source, bytes);
    this.#need("checksum", "checksum");
    return this.#open.checksum(source.buffer.id, source.byteOffset, bytes);
  }

  #bufferOf(handle: BlockHandle): DeviceBuffer {
    const buffer = new DeviceBuffer(this, handle);
    this.#collected.register(buffer, handle);
    return buffer;
  }

  /**
   * Copies `source` into device memory. The source is copied at once, so it may be changed afterwards; with `{ copy:
   * false }` it is read when the queue gets there and must not change until then.
   * @throws RangeError if the source does not fit.
   */
  upload(
    destination: BufferArgument,
    source: ArrayBufferView,
    options: { readonly copy?: boolean } = {},
  ): void {
    this.#checkRange("upload", destination, source.byteLength);
    if (destination.buffer.readOnly) {
      throw new TypeError(
        "upload: the destination can only be read: it is a mapped file or a borrowed array.",
      );
    }
    // A shared array may be written by another thread at any time: what is taken is a copy of its own.
    const shared = isShared(source.buffer);
    const view = shared
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
      : source;
    const copy = !shared && options.copy !== false;
    const { buffer, byteOffset } = destination;
    buffer.writes += 1;
    this.#open.upload(
      buffer.id,
      byteOffset,
      view.buffer as ArrayBuffer,
      view.byteOffset,
      view.byteLength,
      copy,
    );
  }

  /**
   * Resolves with the first `bytes` bytes of `source` when the queue has reached this point.
   * @throws (rejects) Error with the name of the first kernel that failed since the last await.
   */
  download(source: BufferArgument, bytes: number): Promise<ArrayBuffer> {
    this.#checkRange("download", source, bytes);
    return this.#open.download(source.buffer.id, source.byteOffset, bytes);
  }

  /**
   * Resolves when the queue has reached this point.
   * @throws (rejects) Error with the name of the first kernel that failed since the last await.
   */
  synchronize(): Promise<void> {
    return this.#open.synchronize();
  }

  /**
   * Records what the queue runs until {@link stopProfile}. Both are commands of the queue, so a profile has exactly
   * what was enqueued between them. While a profile is taken, each call reads the clock a few times; otherwise it costs
   * nothing.
   * @param options.simulatedThreads - 1 to 256: kernels cut their work as for that many threads, one thread runs the
   * tasks one after the other, and the time of each is recorded, for `balanceOf`; results are the same. Default 0: the
   * device's own threads compute. Ignored by a dry device.
   * @throws Error if a profile is being taken already.
   */
  startProfile(options: { readonly simulatedThreads?: number } = {}): void {
    const { simulatedThreads = 0 } = options;
    if (this.#simulatedThreads !== null)
      throw new Error("startProfile: a profile is being taken already; stopProfile() ends it.");
    if (!Number.isInteger(simulatedThreads) || simulatedThreads < 0 || simulatedThreads > 256) {
      throw new RangeError(
        `startProfile: simulatedThreads is ${simulatedThreads}; it must be a whole number from 1 to 256, ` +
          "or 0 for none.",
      );
    }
    this.#need("profile", "startProfile");
    this.#open.startProfile(simulatedThreads);
    this.#simulatedThreads = simulatedThreads;
  }

  /**
   * Ends the profile and resolves with it when the queue has reached this point. @throws Error if none is being taken.
   */
  stopProfile(): Promise<Profile> {
    const simulatedThreads = this.#simulatedThreads;
    if (simulatedThreads === null)
      throw new Error("stopProfile: no profile is being taken; call startProfile() first.");
    this.#simulatedThreads = null;
    return this.#open.stopProfile().then((words) => ({
      simulatedThreads,
      ...readProfile(words, this.#kernels),
    }));
  }

  /** The pool's state. */
  memory(): DeviceMemory {
    const [liveBytes, peakLiveBytes, cachedBytes, liveBuffers, mappedBytes] = this.#backend.memory();
    return { liveBytes, peakLiveBytes, cachedBytes, liveBuffers, mappedBytes };
  }

  /** Returns the memory that is cached for the next allocations to the system. */
  releaseCache(): void {
    this.#open.releaseCache();
  }

  /**
   * Ends the device's threads and frees its memory. Queued work is dropped, pending promises reject, and later calls
   * throw.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.close();
    this.#liveBytes = 0;
    this.#account();
  }

  /** @internal Gives a block back to the pool, once. */
  giveBack(handle: BlockHandle): void {
    if (handle.id < 0) return;
    const { id } = handle;
    handle.id = -1;
    if (this.#closed) return;
    this.#backend.release(id);
    if (handle.readOnly) return;
    this.#liveBytes -= handle.bytes;
    this.#account();
  }

  /** @throws Error if the device was closed. */
  get #open(): BackendDevice {
    if (this.#closed) throw new Error("the device is closed: create another with createDevice()");
    return this.#backend;
  }

  #need(feature: BackendFeature, where: string): void {
    if (!this.#lacks.has(feature)) return;
    throw new Error(
      `${where}: the ${this.backend} backend has no ${feature}; ` +
        'createDevice({ backend: "native" }) has it, and docs/features.md says what each backend has.',
    );
  }

  /** Tells V8 how much memory JavaScript's handles hold. */
  #account(): void {
    const change = this.#liveBytes - this.#accountedBytes;
    if (Math.abs(change) < ACCOUNTING_STEP && !this.#closed) return;
    this.#accountedBytes = this.#liveBytes;
    this.#backend.accountExternal(change);
  }

  #checkRange(where: string, argument: BufferArgument, bytes: number): void {
    const { buffer, byteOffset } = argument;
    checkUsable(this, where, where === "upload" ? "the destination" : "the source", buffer);
    if (
      !(Number.isSafeInteger(bytes) && bytes >= 0 && byteOffset >= 0 && byteOffset + bytes <= buffer.bytes)
    ) {
      throw new RangeError(
        `${where}: ${bytes} bytes from byte ${byteOffset} on do not fit a buffer of ${buffer.bytes} bytes.`,
      );
    }
  }
}
