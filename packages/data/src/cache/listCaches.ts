import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { acquireFileLock, FileLockedError } from "@splitmask/files";
import { cacheFiles, readComplete, readJson, recordBytes } from "./cacheFiles.js";
import { type CacheSettings, picturesFolder } from "./cacheFolder.js";

/** A cache of decoded pictures on disk. */
export interface CacheEntry {
  /** Its folder. */
  readonly path: string;
  /** Whether it is complete; else it is being built, or the build was cut off and will go on. */
  readonly complete: boolean;
  /** The first picture's path; null while it is not complete. */
  readonly source: string | null;
  /** All pictures of the data set. */
  readonly pictures: number;
  /** Those that are stored or known to be bad; while it is not complete, those that are stored. */
  readonly done: number;
  /** The short side to which pictures are reduced; null: full size. */
  readonly decodeSize: number | null;
  /** Size on disk. */
  readonly bytes: number;
  /** When it was last used or built. */
  readonly lastUsed: Date;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function entryOf(path: string): Promise<CacheEntry | null> {
  const settings = await readJson<CacheSettings>(join(path, cacheFiles.settings));
  if (settings === null) return null;
  const found = await readComplete(path);
  const complete = found === "damaged" ? null : found;
  let bytes = 0;
  let lastUsed = new Date(0);
  let journal = 0;
  for (const name of await namesIn(path)) {
    const status = await stat(join(path, name)).catch(() => null);
    if (status === null) continue;
    bytes += status.size;
    if (status.mtime > lastUsed) lastUsed = status.mtime;
    if (name === cacheFiles.journal) journal = status.size;
  }
  const { length: pictures, decodeSize } = settings;
  return {
    path,
    complete: complete !== null,
    source: complete?.source ?? null,
    pictures,
    done: complete === null ? Math.floor(journal / recordBytes) : pictures,
    decodeSize,
    bytes,
    lastUsed,
  };
}

/**
 * The caches in a folder, the one that was used last first.
 *
 * @param root Folder of all caches, as `defaultCacheFolder()` says.
 */
export async function listCaches(root: string): Promise<CacheEntry[]> {
  const folder = picturesFolder(root);
  const entries = await Promise.all((await namesIn(folder)).map((name) => entryOf(join(folder, name))));
  return entries
    .filter((entry) => entry !== null)
    .sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/**
 * Deletes the caches in a folder, but those that are being built. Runs that use one at the moment go on: their mapping
 * holds the files until they end.
 *
 * @param root Folder of all caches, as `defaultCacheFolder()` says.
 * @returns The deleted ones.
 */
export async function clearCaches(root: string): Promise<CacheEntry[]> {
  const deleted: CacheEntry[] = [];
  for (const entry of await listCaches(root)) {
    try {
      await acquireFileLock(join(entry.path, cacheFiles.lock), "picture cache");
    } catch (error) {
      if (error instanceof FileLockedError) continue;
      throw error;
    }
    await rm(entry.path, { recursive: true }); // the lock with it
    deleted.push(entry);
  }
  return deleted;
}
