/**
 * What an error of a parser says to people, in a few words. Over damaged files a parser's own code stumbles (a TypeError, a RangeError), which says nothing to anybody: then the file's
 * structure is at fault.
 *
 * @param error What was thrown.
 */
export function parserReason(error: unknown): string {
  const { name, message } = error as Error;
  const stumbled = ["TypeError", "RangeError", "SyntaxError", "ReferenceError"].includes(name);
  return stumbled ? "its structure makes no sense" : message;
}
