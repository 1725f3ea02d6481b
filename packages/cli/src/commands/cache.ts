import { columns, didYouMean, printable, UsageError } from "@splitmask/pipelines/settings";
import { addCommand, type CommandLine } from "./commandLine.js";

export function addCache({ program, terminal }: CommandLine): void {
  const help = `
    List or delete the caches of decoded pictures on disk
    [action]  list or clear (default: "list")
    --folder <folder>  folder of the caches (default: SPLITMASK_CACHE, or ~/.cache/splitmask)
    $ splitmask cache
      list the caches, the last used first
    $ splitmask cache clear
      delete all caches that are not being built; running trainings are not disturbed`;
  const command = addCommand(program, "cache", help);
  command.action(async (action = "list", options: { readonly folder?: string }) => {
    const data = await import("@splitmask/data");
    const { folder = data.defaultCacheFolder() } = options;
    if (action !== "list" && action !== "clear") {
      const suggestion = didYouMean(action, ["list", "clear"]) ?? "";
      throw new UsageError(`cache: got "${action}", expected list or clear. ${suggestion}`.trimEnd());
    }
    if (folder === null) {
      throw new UsageError("cache: SPLITMASK_CACHE is off, so there is no folder. Give one with --folder.");
    }
    const clear = action === "clear";
    const caches = await (clear ? data.clearCaches : data.listCaches)(folder);
    const shards = await (clear ? data.clearShardFiles : data.listShardFiles)(folder);
    const bytes = [...caches, ...shards].reduce((sum, entry) => sum + entry.bytes, 0);
    const gigabytes = (size: number) => `${(size / 1e9).toFixed(2)} GB`;
    const rows = [
      ...caches.map((entry) => [
        gigabytes(entry.bytes),
        `${entry.complete ? "" : `${entry.done.toLocaleString("en")} of `}` +
          `${entry.pictures.toLocaleString("en")} pictures`,
        entry.decodeSize === null ? "full size" : `${entry.decodeSize} pixels`,
        entry.lastUsed.toISOString().slice(0, 16).replace("T", " "),
        printable(entry.source ?? "not complete"),
        entry.path,
      ]),
      ...shards.map((shard) => [gigabytes(shard.bytes), "shard", "", "", "", shard.path]),
    ];
    terminal.result({ folder, [clear ? "deleted" : "caches"]: caches, shards, bytes }, [
      ...columns(rows),
      `${gigabytes(bytes)} ${clear ? "deleted from" : "in"} ${folder}`,
    ]);
  });
}
