import { basename, join } from "node:path";
import { pathHash, statFile } from "./fileFacts.js";
import { OpenFiles } from "./openFiles.js";
import { readShardIndex, type ShardIndex, writeShardIndex } from "./shardIndex.js";
import { indexShard, type ShardSettings } from "./webDatasetIndex.js";

/**
 * The index of a shard: one that is kept, else one that is made now and kept for the next time.
 *
 * @param path The shard.
 * @param settings What of it is indexed.
 * @param places Where indexes are kept: beside the shards, in a folder, or in the first of both that can be written.
 * @param signal Stops the indexing.
 * @returns `failure`: why it could not be kept; null: it is.
 * @throws Error (rejects) If the shard is missing or damaged.
 */
export async function openShardIndex(
  path: string,
  settings: ShardSettings,
  { beside, folder }: { readonly beside: boolean; readonly folder: string | null },
  signal: AbortSignal | undefined,
): Promise<{ index: ShardIndex; failure: string | null }> {
  const { size, mtimeMs } = statFile("webDataset", path);
  const stamp = { size, mtimeMs, settings: JSON.stringify(settings) };
  const indexPaths = [
    ...(beside ? [`${path}.index`] : []),
    ...(folder === null ? [] : [join(folder, `${basename(path)}-${pathHash(path)}.index`)]),
  ];
  for (const indexPath of indexPaths) {
    const kept = await readShardIndex(indexPath, stamp);
    if (kept !== null) return { index: kept, failure: null };
  }
  const files = new OpenFiles();
  try {
    const index = await indexShard(files, path, size, settings, signal);
    let failure: string | null = null;
    for (const indexPath of indexPaths) {
      failure = await writeShardIndex(indexPath, index, stamp).then(
        () => null,
        (error: Error) => `${error.message}. Give a cacheFolder that can be written.`,
      );
      if (failure === null) break;
    }
    return { index, failure };
  } finally {
    await files.close();
  }
}
