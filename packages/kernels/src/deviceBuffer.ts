/** What outlives a collected {@link DeviceBuffer}: the block's number, until it has gone back to the pool. */
export interface BlockHandle {
  /** The block of the backend; −1 when it has gone back. */
  id: number;
  /** The bytes that were asked for. */
  readonly bytes: number;
  /** Whether it is a mapped file or a borrowed array: no memory of the pool. */
  readonly readOnly: boolean;
}

/** The device behind a buffer, as the buffer knows it. */
export interface BufferOwner {
  /** @internal Gives a block back to the pool, once. */
  giveBack(handle: BlockHandle): void;
}

/**
 * A block of device memory, counted. It is born with one reference, which `dispose()` gives up; `retain()` and
 * `release()` count further ones. Without references the block goes back to the device's pool. A buffer that is merely
 * dropped goes back when it is garbage-collected. Made by `device.allocate(bytes)`, or by `device.mapFile` and
 * `device.borrow`: then kernels can only read it.
 */
export class DeviceBuffer {
  /** The device that owns the memory. */
  readonly device: BufferOwner;
  /** The size that was asked for, in bytes. */
  readonly bytes: number;
  readonly #handle: BlockHandle;
  #born = true;
  #retained = 0;

  /** @internal Use `device.allocate(bytes)`. */
  constructor(device: BufferOwner, handle: BlockHandle) {
    this.device = device;
    this.bytes = handle.bytes;
    this.#handle = handle;
  }

  /** @internal The block's number; −1 when it was released. */
  get id(): number {
    return this.#handle.id;
  }

  /** Whether it can only be read: a mapped file, or a borrowed array. */
  get readOnly(): boolean {
    return this.#handle.readOnly;
  }

  /** How many references are held; 0: released. */
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
   * Takes a retained reference away, or the one the buffer was born with where none was retained. At zero the memory
   * goes back to the pool; work already queued still sees it. @throws Error if it was released.
   */
  release(): void {
    if (this.released) throw new Error(`release: ${this.#lost()}`);
    if (this.#retained > 0) this.#retained -= 1;
    else this.#born = false;
    if (this.references === 0) this.device.giveBack(this.#handle);
  }

  /** Gives up the reference that the buffer was born with; what others retain stays. The second call does nothing. */
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
