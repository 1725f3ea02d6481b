/**
 * A number of a damaged file as an error shows it: it may be missing, or no number at all.
 *
 * @param value What the file gave.
 */
export function shown(value: unknown): string {
  const isNumber = typeof value === "bigint" || (typeof value === "number" && !Number.isNaN(value));
  return isNumber ? String(value) : "an unknown number of";
}

/**
 * What an error of a parser says to people, in a few words. Over damaged files a parser's own code stumbles (a
 * TypeError, a RangeError), which says nothing to anybody: then the file's structure is at fault.
 *
 * @param error What was thrown.
 */
export function parserReason(error: unknown): string {
  const { name, message } = error as Error;
  const stumbled = ["TypeError", "RangeError", "SyntaxError", "ReferenceError"].includes(name);
  return stumbled ? "its structure makes no sense" : message;
}
