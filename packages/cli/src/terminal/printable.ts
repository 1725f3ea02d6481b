import { shownName } from "@splitmask/data";

/**
 * A path or a name for one line of a terminal: control characters, such as a newline in a file's name, are written as escapes, and bytes that are no UTF-8 as `\xe9`.
 *
 * @param text Any text.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return shownName(text).replaceAll(/[\0-\x1f\x7f-\x9f]/g, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
