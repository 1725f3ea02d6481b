// Not the package itself, which the start of the command would have to load with all of its decoders.
import { shownName } from "@splitmask/data/shownName";

/**
 * A path or a name for one line of a terminal: control characters, such as a newline in a file's name, are written as
 * escapes, and bytes that are not UTF-8 as `\xe9`.
 *
 * @param text Any text.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return shownName(text).replaceAll(/[\0-\x1f\x7f-\x9f]/g, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Text that may hold names, for a terminal: lines stay lines and the terminal's own styles styles, but no name can move
 * the cursor or draw.
 *
 * @param text Any text.
 */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return shownName(text).replaceAll(/\x1b\[\d{1,2}m|[^\n\P{Cc}]/gu, (found) =>
    found.length > 1 ? found : printable(found),
  );
}
