import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Whether a path is a run of `splitmask pretrain`, or a checkpoint folder inside one.
 *
 * @param path A run folder, a checkpoint folder or anything else.
 */
export async function isPretrainingRun(path: string): Promise<boolean> {
  const absolute = resolve(path);
  const folder =
    existsSync(join(absolute, "state.json")) && !existsSync(join(absolute, "config.json"))
      ? dirname(dirname(absolute))
      : absolute;
  try {
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as { method?: unknown };
    return config.method === "splitmask";
  } catch {
    return false;
  }
}
