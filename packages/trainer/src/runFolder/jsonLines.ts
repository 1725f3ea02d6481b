import { readFile } from "node:fs/promises";

/**
 * Reads a file with one JSON value a line; a last line that was cut off by a crash is left out.
 *
 * @param what How an error calls the file.
 * @throws Error (rejects) If another line is not JSON.
 */
export async function readJsonLines<Record>(path: string, what: string): Promise<Record[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  const records: Record[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    try {
      records.push(JSON.parse(line) as Record);
    } catch {
      if (index === lines.length - 1) break;
      throw new Error(`${what}: line ${index + 1} of ${path} is not JSON: ${line.slice(0, 80)}`);
    }
  }
  return records;
}
