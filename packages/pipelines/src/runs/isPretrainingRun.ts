import { readRun } from "./description.js";
import { findCheckpoint } from "./encoder.js";

/**
 * Whether a path is a run of `splitmask pretrain`, or a checkpoint folder inside one.
 *
 * @param path A run folder, a checkpoint folder or anything else.
 */
export async function isPretrainingRun(path: string): Promise<boolean> {
  try {
    const { run } = await findCheckpoint(path);
    return (await readRun(run)).description.kind === "pretraining";
  } catch {
    return false; // whoever reads it says what is wrong with it
  }
}
