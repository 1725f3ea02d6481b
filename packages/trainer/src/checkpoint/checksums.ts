/** The file of a checkpoint that is written last: a line for each other file, as `sha256sum -c` reads it. */
export const CHECKSUMS = "SHA256SUMS";

/** The text of a checksum file: SHA-256 in lower-case hexadecimal digits by file name. */
export function formatChecksums(digests: ReadonlyMap<string, string>): string {
  return [...digests]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join("");
}

/** The digests in the text of a checksum file, by file name; null where a line is not as it was written. */
export function parseChecksums(text: string): ReadonlyMap<string, string> | null {
  const digests = new Map<string, string>();
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^([0-9a-f]{64}) {2}([\w.-]+)$/.exec(line);
    if (match === null) return null;
    digests.set(match[2]!, match[1]!);
  }
  return formatChecksums(digests) === text ? digests : null;
}
