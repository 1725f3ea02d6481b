/** What a TIFF file says of its numbers. */
export interface TiffSettings {
  readonly width: number;
  readonly height: number;
  /** Numbers a pixel. Default 1. */
  readonly samples?: number;
  /** 1 unsigned, 2 signed, 3 floats, 6 complex. Default: by the array. */
  readonly format?: number;
  /** Bits of each. Default: those of the array. */
  readonly bits?: number;
  /** 0 white is zero, 1 black is zero, 2 RGB, 6 YCbCr, 8 CIE L*a*b*. Default 1 for one number a pixel, else 2. */
  readonly photometric?: number;
  /** 1 none. Default 1. */
  readonly compression?: number;
  /** How many pixels share Cb and Cr, across and down. */
  readonly subsampling?: readonly [number, number];
  /** What numbers behind the colors are: 0 unspecified, 2 transparency. */
  readonly extra?: readonly number[];
}

type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** A little-endian TIFF file of one strip; tags by number, as TIFF 6.0 has them. */
export function tiff(values: Numbers, settings: TiffSettings): Buffer {
  const { width, height, samples = 1, compression = 1, extra = [] } = settings;
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  const isSigned =
    values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array;
  const { format = isFloat ? 3 : isSigned ? 2 : 1, bits = 8 * values.BYTES_PER_ELEMENT } = settings;
  const { photometric = samples === 1 ? 1 : 2 } = settings;
  const each = (value: number) => Array<number>(samples).fill(value);
  const entries: (readonly [tag: number, values: readonly number[]])[] = [
    [256, [width]],
    [257, [height]],
    [258, each(bits)],
    [259, [compression]],
    [262, [photometric]],
    [273, [0]],
    [277, [samples]],
    [278, [height]],
    [279, [values.byteLength]],
    ...(extra.length > 0 ? [[338, extra] as const] : []),
    [339, each(format)],
    ...(settings.subsampling === undefined ? [] : [[530, settings.subsampling] as const]),
  ];
  const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries.length, 8);
  const longs = entries.map(([, numbers]) => Buffer.from(Uint32Array.from(numbers).buffer));
  let end = head.length;
  const places = longs.map((bytes) => {
    const place = end;
    if (bytes.length > 4) end += bytes.length;
    return place;
  });
  for (const [index, [tag, numbers]] of entries.entries()) {
    const at = 10 + 12 * index;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(4, at + 2);
    head.writeUInt32LE(numbers.length, at + 4);
    const only = tag === 273 ? end : numbers[0]!;
    head.writeUInt32LE(numbers.length > 1 ? places[index]! : only, at + 8);
  }
  const pixels = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([head, ...longs.filter((bytes) => bytes.length > 4), pixels]);
}
