import type { Method } from "@splitmask/methods";
import { loadMethod } from "../settings/loadMethod.js";
import type { RunDescription } from "./description.js";

/**
 * The method of a run.
 *
 * @param description The run.
 * @throws UsageError where its method is in no table and its module is not where it was.
 */
export function methodOf({
  method,
  methodFile,
}: Pick<RunDescription, "method" | "methodFile">): Promise<Method> {
  return loadMethod(methodFile ?? method);
}
