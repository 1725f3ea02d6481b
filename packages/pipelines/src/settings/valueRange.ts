import type { ValueRange } from "@splitmask/data";

/** The words that stand for a range of values. */
export const valueRangeWords = ["auto", "percentiles", "file"] as const;

/** What a range of values may be, for help and errors. */
export const valueRangeForms =
  '"auto", "percentiles", "file", or the values that are shown black and white, such as "0,4095"';

/** Reads a range of values as it is given: a word, or black and white; null: it is neither. */
export function parseValueRange(text: string): ValueRange | null {
  const word = valueRangeWords.find((each) => each === text);
  if (word !== undefined) return word;
  const parts = text.split(",").map((part) => part.trim());
  const [black, white] = parts.map(Number);
  if (parts.length !== 2 || parts.includes("") || black === undefined || white === undefined) return null;
  return Number.isFinite(black) && Number.isFinite(white) && black < white ? [black, white] : null;
}

/** A range of values as a configuration holds it. */
export function writeValueRange(range: ValueRange): string {
  return typeof range === "string" ? range : range.join(",");
}
