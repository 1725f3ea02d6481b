import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * How much a program may write where a file or folder is or is going to be, in bytes.
 *
 * @param path It need not exist: the nearest folder above that does is looked at.
 */
export async function freeDiskBytes(path: string): Promise<number> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const found = await statfs(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" || folder === dirname(folder)) throw error;
      return null;
    });
    if (found !== null) return found.bavail * found.bsize;
  }
}
