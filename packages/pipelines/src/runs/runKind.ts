import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { RunFolder } from "@splitmask/trainer";

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

const commandOf = { splitmask: "pretrain", classifier: "finetune" } as const;

/**
 * The error for a run folder that is not of the kind that is wanted: another command's, or of another version.
 *
 * @param run The folder.
 * @param wanted The method of the wanted ones.
 */
export function otherRun(run: RunFolder, wanted: keyof typeof commandOf): Error {
  const command = `splitmask ${commandOf[wanted]}`;
  const method = (run.config as { method?: unknown } | null)?.method;
  const other = Object.entries(commandOf).find(([each]) => each === method && each !== wanted)?.[1];
  return new Error(
    other === undefined
      ? `${run.path}: config.json was not written by ${command} of this version. Give the folder that ` +
          `\`${command} --out\` wrote.`
      : `${run.path} is a run of splitmask ${other}; expected one of ${command}. Give the folder that ` +
          `\`${command} --out\` wrote.`,
  );
}
