import sharp from "sharp";
import type { PictureSize } from "./pictureSize.js";

/** Pixels of a picture where no other limit is given. */
export const mostPixels = 16_383 ** 2;
/** Time that decoding a picture may take. */
export const mostSeconds = 60;

/** What an error says of a picture of more pixels than are allowed. */
export function tooLarge({ height, width }: PictureSize, maximumPixels: number): string {
  const pixels = (width * height).toLocaleString("en");
  return (
    `too large: ${width}×${height}, ${pixels} pixels, more than the ${maximumPixels.toLocaleString("en")} of ` +
    "maximumPixels"
  );
}

/**
 * What sharp's error says of a limit, told by its own first words: what follows may be libvips', of another picture.
 * Null: it is none.
 */
export async function limitReason(
  error: unknown,
  source: string | Uint8Array,
  { maximumPixels = mostPixels, shortSide }: { readonly maximumPixels?: number; readonly shortSide?: number },
): Promise<string | null> {
  const text = error instanceof Error ? error.message : String(error);
  if (/^(Input image exceeds pixel limit|Input SVG image exceeds)/.test(text)) {
    const size = await unlimitedSize(source, shortSide).catch(() => null);
    if (size !== null) return tooLarge(size, maximumPixels);
    return `too large: more pixels than the ${maximumPixels.toLocaleString("en")} of maximumPixels`;
  }
  if (/^Input image exceeds channel limit/.test(text)) return "more than 5 channels";
  return /^timeout: /.test(text) ? `decoding took longer than ${mostSeconds} seconds` : null;
}

/** What a header promises; of a drawing, at the density that it is drawn at. */
async function unlimitedSize(source: string | Uint8Array, shortSide?: number): Promise<PictureSize> {
  const header = await sharp(source, { limitInputPixels: false }).metadata();
  if (header.format !== "svg" || shortSide === undefined) return header;
  return sharp(source, { density: densityFor(header, shortSide), limitInputPixels: false }).metadata();
}

/**
 * Dots per inch at which a drawing's short side has `shortSide` pixels; a drawing is drawn at its target size, never
 * enlarged from a small raster.
 */
export function densityFor({ height, width }: PictureSize, shortSide: number): number {
  return Math.min(100_000, Math.max(1, Math.ceil((72 * shortSide) / Math.max(1, Math.min(height, width)))));
}
