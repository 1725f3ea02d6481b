/**
 * Which stored values of pictures of more than 8 bits (whole numbers or floats) become black and white; those between
 * are spread evenly. Pictures of 8 bits are left as they are.
 *
 * - `[black, white]`: these. What lies outside is cut off.
 * - `"auto"`: what the file says is white (PGM, PPM), or what the values use. Whole numbers from 0: up to the largest
 *   of 8, 10, 12, 14 or 16 bits. Floats: 0 to 1, −1 to 1, 0 to 255 or 0 to 65,535 where they lie inside and reach more
 *   than half of it.
 *   Others: from the least to the greatest.
 * - `"percentiles"`: the 0.1st and the 99.9th percentile, so that few bright pixels do not make all others dark.
 * - `"file"`: from the least to the greatest value of each file, so that brightness does not compare between files.
 *
 * A data set takes one range for all its pictures (but with `"file"`), a single picture its own.
 */
export type ValueRange = "auto" | "percentiles" | "file" | readonly [black: number, white: number];

/** Values that are stored, sorted or drawn evenly from the sorted ones. */
export interface StoredValues {
  /** How they are stored. */
  readonly kind: "integer" | "float";
  /**
   * Some of them in rising order, evenly spaced, with the least and the greatest; none where all are NaN or infinite.
   */
  readonly quantiles: Float64Array;
  /** Whether some are NaN or infinite; these are black, or white where they are +∞. */
  readonly hasGaps: boolean;
  /** The value that the file says is white; black is 0. */
  readonly white?: number;
}
