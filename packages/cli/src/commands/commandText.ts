/** A word of a command line as a shell reads it: quoted where it has more than plain characters. */
function quoted(word: string): string {
  if (/^[\w./:@%+=,~\\-]+$/.test(word)) return word;
  // PowerShell and cmd know double quotes; in other shells only single ones keep every character.
  return process.platform === "win32" ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * A command line to be printed, which works when it is typed.
 *
 * @param words The words behind `splitmask`; those that are undefined are left out.
 * @param open What the reader has to put in for themselves, such as `<folder>`.
 */
export function commandText(words: readonly (string | undefined)[], open = ""): string {
  const given = words.filter((word) => word !== undefined).map(quoted);
  return ["splitmask", ...given, ...(open === "" ? [] : [open])].join(" ");
}
