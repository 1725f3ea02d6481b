/**
 * The bytes of a name that are not UTF-8, as texts hold them (`fileNames.ts`): lone surrogates only, for with the flag
 * `u` those of a pair are one character.
 */
export const strayBytes = /[\udc80-\udcff]/gu;

/** A name for people: bytes that are not UTF-8 are written as `\xe9`. */
export function shownName(name: string): string {
  return name.replaceAll(strayBytes, (stray) => `\\x${(stray.charCodeAt(0) - 0xdc00).toString(16)}`);
}
