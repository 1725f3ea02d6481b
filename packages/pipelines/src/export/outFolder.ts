import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "@splitmask/methods/settings";
import { isDescription } from "../runs/description.js";

/**
 * Makes the folder of an exported model.
 *
 * @throws UsageError (rejects) Where it is a run's, whose `config.json` would be lost.
 */
export async function makeOutFolder(folder: string): Promise<void> {
  const path = join(folder, "config.json");
  if (existsSync(path) && isDescription(JSON.parse(await readFile(path, "utf8").catch(() => "{}"))))
    throw new UsageError(
      `--out: ${folder} is a run folder, whose config.json would be lost. Give another folder.`,
    );
  await mkdir(folder, { recursive: true });
}
