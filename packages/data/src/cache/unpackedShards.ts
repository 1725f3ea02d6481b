import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { shardsFolder } from "./cacheFolder.js";

/** A file of tar shards in a cache folder: an unpacked copy of a gzipped shard, or an index. */
export interface ShardFile {
  /** Its path. */
  readonly path: string;
  /** Size on disk. */
  readonly bytes: number;
}

/**
 * The unpacked shards and the indexes of shards in a cache folder, by name.
 *
 * @param root Folder of all caches, as `defaultCacheFolder()` says.
 */
export async function listShardFiles(root: string): Promise<ShardFile[]> {
  const folder = shardsFolder(root);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files: ShardFile[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    files.push({ path, bytes: (await stat(path)).size });
  }
  return files;
}

/**
 * Deletes the unpacked shards and the indexes of shards in a cache folder; they are made anew when they are needed. Who
 * reads one at the moment goes on.
 *
 * @param root Folder of all caches, as `defaultCacheFolder()` says.
 * @returns The deleted ones.
 */
export async function clearShardFiles(root: string): Promise<ShardFile[]> {
  const files = await listShardFiles(root);
  for (const { path } of files) await rm(path, { force: true });
  return files;
}
