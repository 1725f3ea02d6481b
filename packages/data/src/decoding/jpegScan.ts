/**
 * A Huffman code of a JPEG file: of codes of each length the first one, how many there are, and where their symbols
 * begin. (ITU-T T.81, C.2.)
 */
export class HuffmanTable {
  readonly #first = new Int32Array(17);
  readonly #count = new Int32Array(17);
  readonly #start = new Int32Array(17);
  readonly #symbols: Uint8Array;

  /**
   * @param counts How many codes have 1 to 16 bits.
   * @param symbols What they stand for.
   */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    let code = 0;
    let start = 0;
    for (let length = 1; length <= 16; length++) {
      const count = counts[length - 1]!;
      this.#first[length] = code;
      this.#count[length] = count;
      this.#start[length] = start;
      code = (code + count) * 2;
      start += count;
    }
    this.#symbols = symbols;
  }

  /** Reads a symbol; −1 if none has the bits that come, or they end. */
  read(bits: ScanBits): number {
    let code = 0;
    for (let length = 1; length <= 16; length++) {
      const bit = bits.take(1);
      if (bit < 0) return -1;
      code = code * 2 + bit;
      const place = code - this.#first[length]!;
      if (place >= 0 && place < this.#count[length]!)
        return this.#symbols[this.#start[length]! + place] ?? -1;
    }
    return -1;
  }
}

/**
 * The tables of a Huffman segment, by class and number as the segment gives them; those that are cut off are left out.
 */
export function* huffmanTables(segment: Buffer): Generator<readonly [kind: number, table: HuffmanTable]> {
  for (let place = 4; place + 17 <= segment.length; ) {
    const counts = segment.subarray(place + 1, place + 17);
    const end = place + 17 + counts.reduce((sum, count) => sum + count, 0);
    if (end > segment.length) return;
    yield [segment[place]!, new HuffmanTable(counts, segment.subarray(place + 17, end))];
    place = end;
  }
}

/** The bits of a scan. */
export class ScanBits {
  readonly #scan: Buffer;
  #place = 0;
  #bits = 0;
  #left = 0;

  /** @param scan Its bytes, with restart markers. */
  constructor(scan: Buffer) {
    this.#scan = scan;
  }

  /** The next bits as a number, at most 16; −1 if there are fewer before a marker or the end. */
  take(count: number): number {
    while (this.#left < count) {
      const byte = this.#scan[this.#place];
      if (byte === undefined || (byte === 0xff && this.#scan[this.#place + 1] !== 0)) return -1;
      this.#place += byte === 0xff ? 2 : 1;
      this.#bits = ((this.#bits & 0xffff) << 8) | byte;
      this.#left += 8;
    }
    this.#left -= count;
    return (this.#bits >> this.#left) & ((1 << count) - 1);
  }

  /** Passes over a restart marker. False if none comes next. */
  restart(): boolean {
    this.#left = 0;
    while (this.#scan[this.#place] === 0xff && this.#scan[this.#place + 1] === 0xff) this.#place++;
    const marker = this.#scan[this.#place + 1] ?? 0;
    if (this.#scan[this.#place] !== 0xff || marker < 0xd0 || marker > 0xd7) return false;
    this.#place += 2;
    return true;
  }
}

/** The codes of a block's first coefficient and of its others. */
export interface BlockCodes {
  /** Of the first. */
  readonly first: HuffmanTable;
  /** Of the others. */
  readonly others: HuffmanTable;
}

/**
 * Whether a sequential scan has all of its blocks. What they hold is not looked at: a damaged bit that gives another
 * code is not seen.
 *
 * @param scan Its data.
 * @param unit The blocks that are coded together, one after another.
 * @param units How many such units there are.
 * @param restartInterval Units between two restart markers; 0: none.
 */
export function isWholeScan(
  scan: Buffer,
  unit: readonly BlockCodes[],
  units: number,
  restartInterval: number,
): boolean {
  const bits = new ScanBits(scan);
  for (let index = 0; index < units; index++) {
    if (restartInterval > 0 && index > 0 && index % restartInterval === 0 && !bits.restart()) return false;
    for (const codes of unit) if (!passBlock(bits, codes)) return false;
  }
  return true;
}

function passBlock(bits: ScanBits, { first, others }: BlockCodes): boolean {
  const size = first.read(bits);
  if (size < 0 || size > 16 || bits.take(size) < 0) return false;
  for (let coefficient = 1; coefficient < 64; coefficient++) {
    const symbol = others.read(bits);
    if (symbol < 0) return false;
    if (symbol === 0x00) return true;
    coefficient += symbol >> 4;
    if (coefficient > 63 || bits.take(symbol & 15) < 0) return false;
  }
  return true;
}
