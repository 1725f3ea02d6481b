import { statOrNull } from "./fileFacts.js";
import { className } from "./labels.js";
import { readTextFile } from "./textFile.js";

/** Reads the names of classes, one a line; blank lines at the end do not count. Null: there is no such file. */
export async function readClassNames(path: string): Promise<string[] | null> {
  if (statOrNull(path) === null) return null;
  const lines = (await readTextFile(path)).split(/\r?\n/).map((line) => className(line.trim()));
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
