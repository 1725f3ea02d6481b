/** Where each picture lies and how large it is, in columns; height 0: not there. */
export class CacheIndex {
  /** XXH64 of the pixels. */
  readonly checksums: BigUint64Array;
  /** Number of the file of pixels. */
  readonly segments: Uint32Array;
  /** First byte in it. */
  readonly offsets: Uint32Array;
  /** Rows. */
  readonly heights: Uint32Array;
  /** Columns. */
  readonly widths: Uint32Array;
  readonly #bytes: Uint8Array;

  /**
   * @param length Pictures.
   * @param bytes What `bytes` was of an index before. Default: all zeros.
   */
  constructor(length: number, bytes: Uint8Array<ArrayBuffer> = new Uint8Array(CacheIndex.bytesFor(length))) {
    const column = (place: number) =>
      new Uint32Array(bytes.buffer, bytes.byteOffset + (8 + 4 * place) * length, length);
    this.checksums = new BigUint64Array(bytes.buffer, bytes.byteOffset, length);
    this.segments = column(0);
    this.offsets = column(1);
    this.heights = column(2);
    this.widths = column(3);
    this.#bytes = bytes;
  }

  /** Size of an index of so many pictures. */
  static bytesFor(length: number): number {
    return 24 * length;
  }

  /** The columns one after the other, as `index.bin` holds them. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
}
