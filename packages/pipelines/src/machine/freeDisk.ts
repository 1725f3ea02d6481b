import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Bytes that may be written where a file or folder is or is going to be: the nearest folder above that can be asked
 * tells. What is in its way is for the one that makes it to say.
 */
export async function freeDiskBytes(path: string): Promise<number> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const found = await statfs(folder).catch((error: NodeJS.ErrnoException) => {
      if (folder === dirname(folder)) throw error;
      return null;
    });
    if (found !== null) return found.bavail * found.bsize;
  }
}
