import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "@splitmask/methods/settings";
import { latestCheckpoint, RunFolder } from "@splitmask/trainer";

/** Whether a folder has a run, perhaps one that has not ended. */
export function hasRun(out: string): boolean {
  return existsSync(join(out, "config.json"));
}

/**
 * Checks that a run may be written where it is to go.
 *
 * @returns Whether a run is there already.
 */
export function checkOutFolder(
  out: string,
  { resume, overwrite }: { readonly resume: boolean; readonly overwrite: boolean },
): boolean {
  if (resume && overwrite)
    throw new UsageError("--resume and --overwrite contradict each other: give one of them.");
  const exists = hasRun(out);
  if (exists && !resume && !overwrite) {
    throw new UsageError(
      `${out} already has a run. Continue it with --resume, ` +
        "replace it with --overwrite (its files are deleted), or give another --out.",
    );
  }
  if (resume && !exists)
    throw new UsageError(
      `--resume: ${out} is not a run folder (there is no config.json). Leave --resume out to start a run.`,
    );
  return exists;
}

/**
 * Makes a run folder, instead of one that is there already, and works in it. What fails before the first checkpoint
 * leaves no run folder behind.
 *
 * @param description What `config.json` holds.
 */
export async function withNewRun<Result>(
  out: string,
  { exists, description }: { readonly exists: boolean; readonly description: object },
  work: (run: RunFolder) => Promise<Result>,
): Promise<Result> {
  if (exists) await RunFolder.clear(out);
  const run = await RunFolder.create(out, description);
  let failed = true;
  try {
    const result = await work(run);
    failed = false;
    return result;
  } finally {
    await run.close();
    if (failed && (await latestCheckpoint(run.checkpointsPath)) === null)
      await rm(out, { recursive: true, force: true });
  }
}
