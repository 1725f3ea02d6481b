interface Kept<Value> {
  readonly value: Promise<Value>;
  bytes: number;
}

/**
 * Keeps what was used last, up to a number of bytes; the last one always. Who asks while it is being made waits for the
 * same.
 */
export class BoundedCache<Value> {
  readonly #limit: number;
  readonly #sizeOf: (value: Value) => number;
  /** In the order of the last use. */
  readonly #kept = new Map<string, Kept<Value>>();
  #bytes = 0;

  /**
   * @param limit Bytes that are kept.
   * @param sizeOf Bytes of a value.
   */
  constructor(limit: number, sizeOf: (value: Value) => number) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  /** The value of a key; `make` makes it where it is not kept. A failure is not kept. */
  async get(key: string, make: () => Promise<Value>): Promise<Value> {
    const old = this.#kept.get(key);
    if (old !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, old);
      return old.value;
    }
    const entry: Kept<Value> = { value: make(), bytes: 0 };
    this.#kept.set(key, entry);
    try {
      const value = await entry.value;
      if (this.#kept.get(key) === entry) this.#count(entry, this.#sizeOf(value));
      return value;
    } catch (error) {
      if (this.#kept.get(key) === entry) this.#kept.delete(key);
      throw error;
    }
  }

  /** Lets everything go. */
  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  #count(entry: Kept<Value>, bytes: number): void {
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [key, other] of this.#kept) {
      if (this.#bytes <= this.#limit) return;
      if (other === entry || other.bytes === 0) continue; // the newest, or one that is being made
      this.#kept.delete(key);
      this.#bytes -= other.bytes;
    }
  }
}
