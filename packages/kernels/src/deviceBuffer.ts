/** The part of a {@link DeviceBuffer} that outlives its garbage collection: which block to return to the pool. */
export interface BlockHandle {
  /** The backend's id of the block; −1 after it was returned. */
  id: number;
  /** The bytes that were asked for. */
  readonly bytes: number;
  /** Whether it is a mapped file or a borrowed array, which is not in the pool. */
  readonly readOnly: boolean;
}

/** The device behind a buffer, as the buffer knows it. */
export interface BufferOwner {
  /** @internal Gives a block back to the pool, once. */
  giveBack(handle: BlockHandle): void;
}

/**
 * A reference-counted block of device memory. It starts with one reference, which `dispose()` gives up; `retain()` and
 * `release()` count further ones. At zero references the block returns to the device's pool. If all handles are simply
 * dropped, it returns when they are garbage-collected. `device.allocate(bytes)` makes one; those that `device.mapFile`
 * and `device.borrow` make are read-only.
 */
export class DeviceBuffer {
  /** The device that owns the memory. */
  readonly device: BufferOwner;
  /** The size that was asked for, in bytes. */
  readonly bytes: number;
  /** Kernels and uploads enqueued so far that write to it: what was derived from its content is stale when it grows. */
  writes = 0;
  readonly #handle: BlockHandle;
  #born = true;
  #retained = 0;

  /** @internal Use `device.allocate(bytes)`. */
  constructor(device: BufferOwner, handle: BlockHandle) {
    this.device = device;
    this.bytes = handle.bytes;
    this.#handle = handle;
  }

  /** @internal The backend's id of the block; −1 after it was released. */
  get id(): number {
    return this.#handle.id;
  }

  /** Whether it can only be read: a mapped file, or a borrowed array. */
  get readOnly(): boolean {
    return this.#handle.readOnly;
  }

  /** The number of references; 0 after it was released. */
  get references(): number {
    return this.#retained + (this.#born ? 1 : 0);
  }

  /** Whether the memory has gone back to the pool. */
  get released(): boolean {
    return this.#handle.id < 0;
  }

  /** Adds a reference and returns the buffer. @throws Error if it was released. */
  retain(): this {
    if (this.released) throw new Error(`retain: ${this.#lost()}`);
    this.#retained += 1;
    return this;
  }

  /**
   * Takes away a retained reference, or the first one if none was retained. At zero the memory returns to the pool;
   * work that is already queued may still use it. @throws Error if it was released.
   */
  release(): void {
    if (this.released) throw new Error(`release: ${this.#lost()}`);
    if (this.#retained > 0) this.#retained -= 1;
    else this.#born = false;
    if (this.references === 0) this.device.giveBack(this.#handle);
  }

  /** Gives up the first reference; retained ones stay. Calling it again does nothing. */
  dispose(): void {
    if (!this.#born) return;
    this.#born = false;
    if (this.#retained === 0) this.device.giveBack(this.#handle);
  }

  #lost(): string {
    return (
      `the buffer of ${this.bytes} bytes was released: ` +
      "its last reference is gone, and its memory may be another buffer's. Call retain() before."
    );
  }
}
