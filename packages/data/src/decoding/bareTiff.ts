/** Rows of pixels as a TIFF file has them. */
export interface TiffRows {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 0: gray, 0 is white; 1: gray, 0 is black; 2: RGB; 3: places in a palette. */
  readonly photometric: 0 | 1 | 2 | 3;
  /** Numbers a pixel: 1; of RGB 3, or 4 with transparency. */
  readonly samples: 1 | 3 | 4;
  /** Bits of each: below 8 packed, the first pixel in the highest bits; 16 the high byte first. */
  readonly bits: 1 | 2 | 4 | 8 | 16;
  /** Reds, then greens, then blues of a palette, 2^bits of each. */
  readonly palette?: readonly number[];
  /** From the top, without gaps but to the next whole byte of a row. */
  readonly rows: Buffer;
}

/** A TIFF file of pixels that are there bare: a header before the rows. (TIFF 6.0, sections 2 to 5.) */
export function bareTiff({
  width,
  height,
  photometric,
  samples,
  bits,
  palette = [],
  rows,
}: TiffRows): Buffer {
  const arrays: Buffer[] = [];
  const [short, long] = [3, 4];
  const entries: (readonly [tag: number, type: number, values: readonly number[]])[] = [
    [256, long, [width]],
    [257, long, [height]],
    [258, short, Array<number>(samples).fill(bits)],
    [259, short, [1]],
    [262, short, [photometric]],
    [273, long, [0]], // the rows: filled in below
    [277, short, [samples]],
    [278, long, [height]],
    [279, long, [rows.length]],
    ...(palette.length > 0 ? [[320, short, palette.map((value) => value * 257)] as const] : []),
    ...(samples === 4 ? [[338, short, [2]] as const] : []),
  ];
  const directory = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  directory.write("MM\0*", "latin1");
  directory.writeUInt32BE(8, 4);
  directory.writeUInt16BE(entries.length, 8);
  let end = directory.length;
  for (const [index, [tag, type, values]] of entries.entries()) {
    const place = 10 + 12 * index;
    directory.writeUInt16BE(tag, place);
    directory.writeUInt16BE(type, place + 2);
    directory.writeUInt32BE(values.length, place + 4);
    const size = type === short ? 2 : 4;
    const array = Buffer.alloc(size * values.length);
    for (const [at, value] of values.entries()) array.writeUIntBE(value, size * at, size);
    if (array.length <= 4) array.copy(directory, place + 8);
    else {
      directory.writeUInt32BE(end, place + 8);
      arrays.push(array);
      end += array.length;
    }
  }
  const strip = entries.findIndex(([tag]) => tag === 273);
  directory.writeUInt32BE(end, 10 + 12 * strip + 8);
  return Buffer.concat([directory, ...arrays, rows]);
}
