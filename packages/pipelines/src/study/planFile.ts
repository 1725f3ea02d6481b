import { parse, resolve } from "node:path";
import { readFileValue } from "../settings/file.js";
import { checkPlan, type StudyPlan } from "./plan.js";

/**
 * Reads the plan of a study: a JSON file, or a module whose default export it is, plain or through `defineStudy`.
 *
 * @param path The file.
 * @throws UsageError where the file is missing or cannot be read, or the plan is wrong.
 */
export async function readPlan(path: string): Promise<StudyPlan> {
  const value = await readFileValue(path, "plan", "export default defineStudy({ cells: [ … ], … });");
  const { base, name } = parse(path);
  return checkPlan(value, name, base, resolve(path));
}
