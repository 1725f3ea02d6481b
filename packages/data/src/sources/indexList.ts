import { readTextFile } from "./textFile.js";

/**
 * Reads a list of indices for `subset`: a text file with one whole number a line; empty lines and what follows a `#`
 * are left out.
 *
 * @param path The file.
 * @throws Error (rejects) If it cannot be read, holds anything else, or no index.
 */
export async function readIndices(path: string): Promise<Int32Array> {
  const text = await readTextFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `readIndices: ${path} cannot be read (${error.code}). Give a text file with one index a line.`,
      { cause: error },
    );
  });
  const indices: number[] = [];
  for (const [number, line] of text.split("\n").entries()) {
    const entry = line.replace(/#.*/, "").trim();
    if (entry === "") continue;
    if (!/^\d{1,10}$/.test(entry) || Number(entry) > 0x7fffffff) {
      throw new Error(
        `readIndices: line ${number + 1} of ${path} is ${JSON.stringify(entry.slice(0, 40))}; ` +
          "expected a whole number from 0 on.",
      );
    }
    indices.push(Number(entry));
  }
  if (indices.length === 0) {
    throw new Error(`readIndices: ${path} holds no index; expected one whole number a line.`);
  }
  return Int32Array.from(indices);
}
