import {
  clearCaches,
  clearShardFiles,
  defaultCacheFolder,
  listCaches,
  listShardFiles,
} from "@splitmask/data";
import { columns, didYouMean, printable, UsageError } from "@splitmask/pipelines/settings";
import type { CommandTerminal } from "../terminal/terminal.js";

/**
 * `splitmask cache`: lists the caches of decoded pictures and what is kept of tar shards, or deletes them.
 *
 * @throws UsageError where the action is neither `list` nor `clear`, or there is no folder.
 */
export async function runCache(
  terminal: CommandTerminal,
  action: string,
  folder: string | null = defaultCacheFolder(),
): Promise<void> {
  if (action !== "list" && action !== "clear") {
    const suggestion = didYouMean(action, ["list", "clear"]) ?? "";
    throw new UsageError(`cache: got "${action}", expected list or clear. ${suggestion}`.trimEnd());
  }
  if (folder === null) {
    throw new UsageError("cache: SPLITMASK_CACHE is off, so there is no folder. Give one with --folder.");
  }
  const clear = action === "clear";
  const caches = await (clear ? clearCaches : listCaches)(folder);
  const shards = await (clear ? clearShardFiles : listShardFiles)(folder);
  const bytes = [...caches, ...shards].reduce((sum, entry) => sum + entry.bytes, 0);
  const pictures = caches.map((entry) => [
    `${(entry.bytes / 1e9).toFixed(2)} GB`,
    `${entry.complete ? "" : `${entry.done.toLocaleString("en")} of `}${entry.pictures.toLocaleString("en")} pictures`,
    entry.decodeSize === null ? "full size" : `${entry.decodeSize} pixels`,
    entry.lastUsed.toISOString().slice(0, 16).replace("T", " "),
    printable(entry.source ?? "not complete"),
    entry.path,
  ]);
  const files = shards.map(({ bytes: size, path }) => [
    `${(size / 1e9).toFixed(2)} GB`,
    "shard",
    "",
    "",
    "",
    path,
  ]);
  const rows = [...pictures, ...files];
  const total = `${(bytes / 1e9).toFixed(2)} GB ${clear ? "deleted from" : "in"} ${folder}`;
  terminal.result({ folder, [clear ? "deleted" : "caches"]: caches, shards, bytes }, [
    ...columns(rows),
    total,
  ]);
}
