import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * The range of values that a run was trained with, as its configuration holds it: whatever its encoder is shown later
 * is brought to 8 bits in the same way, if nothing else is given.
 *
 * @param run A run folder, or a checkpoint folder or a file inside one.
 * @returns null where there is no such run, or its pictures had 8 bits.
 */
export async function trainedRange(run: string): Promise<string | null> {
  for (const folder of [run, dirname(run), dirname(dirname(run))]) {
    const text = await readFile(join(folder, "config.json"), "utf8").catch(() => null);
    if (text === null) continue;
    try {
      const { config } = JSON.parse(text) as { config?: { valueRange?: string | null } };
      return config?.valueRange ?? null;
    } catch {
      return null; // whoever reads the run says what is wrong with it
    }
  }
  return null;
}
