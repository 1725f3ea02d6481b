import sharp, { type Sharp } from "sharp";
import type { PixelStorage } from "./pixelStorage.js";
import type { StoredValues, ValueRange } from "./storedValues.js";

/** Numbers as the decoder hands them out: the stored value is `scale` · number + `offset`. */
interface RawNumbers {
  readonly data: Float32Array;
  readonly info: PixelLayout;
  readonly scale: number;
  readonly offset: number;
}

/** Rows of pixels without gaps. */
export interface PixelLayout {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Numbers a pixel: gray or RGB, perhaps with transparency. */
  readonly channels: 1 | 2 | 3 | 4;
}

/** Color spaces of libvips in which numbers mean no other brightness than they are. */
const plainSpaces = ["b-w", "grey16", "srgb", "rgb16", "scrgb"];

/**
 * Reads the numbers of a picture of more than 8 bits, upright. Null where only the decoder knows what their colors are
 * (CMYK).
 */
async function rawNumbers(
  pipeline: Sharp,
  storage: PixelStorage,
  withAlpha: boolean,
  mostSide = Number.POSITIVE_INFINITY,
): Promise<RawNumbers | null> {
  const { space, depth, hasAlpha, width: columns, height: rows } = await pipeline.metadata();
  if (!plainSpaces.includes(space)) return null;
  let numbers = pipeline.clone();
  if (Math.max(columns, rows) > mostSide) {
    numbers = numbers.resize({ width: mostSide, height: mostSide, fit: "inside", kernel: "nearest" });
  }
  if (hasAlpha && !withAlpha) numbers = numbers.removeAlpha();
  let [scale, offset] = [1, 0];
  if (space.endsWith("16") && depth !== "ushort") {
    // libvips takes 16 bits of any kind for unsigned whole numbers in the end: they are made such first.
    const { channels } = await pipeline.clone().stats();
    offset = Math.min(...channels.map(({ min }) => min));
    const greatest = Math.max(...channels.map(({ max }) => max));
    if (storage.deep === "float" && greatest > offset) scale = (greatest - offset) / 65_535;
    numbers = numbers.linear(1 / scale, -offset / scale);
  }
  const { data, info } = await numbers
    .toColourspace(space)
    .raw({ depth: "float" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return {
    data: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4),
    info: { width, height, channels: channels as 1 | 2 | 3 | 4 },
    scale,
    offset,
  };
}

/** How many quantiles are kept of a picture: thousandths. */
const steps = 1000;

/**
 * The values that a picture of more than 8 bits stores, transparency left out.
 *
 * @param pipeline The picture.
 * @param storage How it stores them.
 * @param mostSide Of a picture with a longer side only pixels evenly spaced are looked at, so many a row or column.
 * Default: all.
 * @returns null where no range is wanted for them.
 */
export async function storedValues(
  pipeline: Sharp,
  storage: PixelStorage,
  mostSide?: number,
): Promise<StoredValues | null> {
  if (storage.deep === null) return null;
  const raw = await rawNumbers(pipeline, storage, false, mostSide);
  if (raw === null) return null;
  const sorted = raw.data.sort();
  const first = sorted.lastIndexOf(Number.NEGATIVE_INFINITY) + 1;
  const infinite = sorted.indexOf(Number.POSITIVE_INFINITY);
  const end =
    infinite >= 0 ? infinite : sorted.includes(Number.NaN) ? sorted.findIndex(Number.isNaN) : sorted.length;
  const last = end - 1 - first;
  const quantiles = Float64Array.from(
    { length: last < 0 ? 0 : steps + 1 },
    (_, step) => sorted[first + Math.round((step * last) / steps)]! * raw.scale + raw.offset,
  );
  const { deep: kind, white } = storage;
  return { kind, quantiles, hasGaps: end - first < sorted.length, ...(white === undefined ? {} : { white }) };
}

/** The values of several pictures of one kind as one. */
export function pooled(pictures: readonly StoredValues[]): StoredValues {
  const quantiles = new Float64Array(pictures.reduce((sum, { quantiles: { length } }) => sum + length, 0));
  let place = 0;
  for (const { quantiles: each } of pictures) {
    quantiles.set(each, place);
    place += each.length;
  }
  return {
    kind: pictures[0]?.kind ?? "integer",
    quantiles: quantiles.sort(),
    hasGaps: pictures.some(({ hasGaps }) => hasGaps),
  };
}

/** Largest numbers of bits that cameras and microscopes write. */
const wholeNumberBits = [8, 10, 12, 14, 16];

/** Ranges that floats are commonly in, and how large the largest must be for them to be meant. */
const floatRanges: readonly (readonly [black: number, white: number, reached: number])[] = [
  [0, 1, 1 / 16],
  [-1, 1, 1 / 2],
  [0, 255, 255 / 2],
  [0, 65_535, 65_535 / 2],
];

/**
 * The values that become black and white.
 *
 * @param values What is stored.
 * @param range What is wanted.
 * @returns Black below white.
 */
export function chooseRange(
  { kind, quantiles }: StoredValues,
  range: Exclude<ValueRange, readonly number[]>,
): readonly [black: number, white: number] {
  const at = (share: number) => quantiles[Math.round(share * (quantiles.length - 1))] ?? 0;
  const [least, greatest] = range === "percentiles" ? [at(0.001), at(0.999)] : [at(0), at(1)];
  const own = [least, greatest > least ? greatest : least + 1] as const;
  if (range !== "auto") return own;
  if (kind === "integer") {
    const bits = wholeNumberBits.find((each) => greatest < 2 ** each);
    return least < 0 || bits === undefined ? own : [0, 2 ** bits - 1];
  }
  const common = floatRanges.find(
    ([black, white, reached]) => least >= black && greatest <= white && Math.max(-least, greatest) >= reached,
  );
  return common === undefined ? own : [common[0], common[1]];
}

/** Whether the decoder's own way from 16 bits to 8 is what a range asks for. */
function isFullRange([black, white]: readonly [number, number]): boolean {
  return black === 0 && white === 65_535;
}

/**
 * Brings the values of a picture to 8 bits.
 *
 * @param pipeline The picture.
 * @param storage How it stores them.
 * @param range What becomes black and white.
 * @returns null where the decoder does it as well: unsigned whole numbers of 16 bits in their full range.
 */
export async function scaleValues(
  pipeline: Sharp,
  storage: PixelStorage,
  range: ValueRange,
): Promise<{ data: Buffer; info: PixelLayout } | null> {
  if (storage.deep === null) return null;
  let ends: readonly [number, number];
  if (typeof range !== "string") ends = range;
  else if (range === "auto" && storage.white !== undefined) ends = [0, storage.white];
  else {
    const values = await storedValues(pipeline, storage);
    if (values === null) return null;
    ends = chooseRange(values, range);
  }
  const { depth } = await pipeline.metadata();
  if (depth === "ushort" && isFullRange(ends)) return null;
  const raw = await rawNumbers(pipeline, storage, storage.alpha);
  if (raw === null) return null;
  const { info, data, scale, offset } = raw;
  const [black, white] = ends;
  const factor = (255 * scale) / (white - black);
  const shift = (255 * (offset - black)) / (white - black) + 0.5;
  const isAlpha = (channel: number) => info.channels % 2 === 0 && channel === info.channels - 1;
  const opaque = storage.deep === "float" ? 1 : 65_535;
  const channels = Array.from({ length: info.channels }, (_, channel) => channel);
  // Numbers of 16 bits and more are cast to 8 without a change: sharp takes raw floats for such.
  const scaled = await sharp(data, { raw: info })
    .linear(
      channels.map((channel) => (isAlpha(channel) ? 255 / opaque : factor)),
      channels.map((channel) => (isAlpha(channel) ? 0.5 : shift)),
    )
    .toColourspace(info.channels < 3 ? "grey16" : "rgb16")
    .raw({ depth: "uchar" })
    .toBuffer();
  return { data: scaled, info };
}
