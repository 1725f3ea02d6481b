import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file so that its path always holds either the old or the new contents, also after a crash: written
 * beside under a temporary name, synced, renamed.
 *
 * @param contents Text, bytes, or parts of the file one after the other.
 * @throws (rejects) Error If the file cannot be written; what stood at `path` before is untouched then.
 */
export async function writeFileDurably(
  path: string,
  contents: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const parts = typeof contents === "string" || contents instanceof Uint8Array ? [contents] : contents;
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  try {
    const handle = await open(temporary, "wx");
    try {
      // Each call writes on from where the last one ended.
      for (const part of parts) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Asks the file system to make the names in a folder durable; silently does nothing where folders cannot be synced. */
export async function syncFolder(path: string): Promise<void> {
  // Windows and some network file systems refuse to open or sync a folder; the rename itself stays atomic there.
  try {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {}
}
