import type { PlanHistory } from "./planPosition.js";
import type { TrainingLength } from "./trainOptions.js";

/** The plan of a run whose length is known before it begins; null where a time has to be turned into steps. */
export function givenPlan(length: TrainingLength, batchesPerEpoch: number): PlanHistory | null {
  if ("plan" in length) return length.plan;
  if ("steps" in length) return { firstSteps: length.steps, replans: [] };
  if ("epochs" in length)
    return { firstSteps: Math.max(1, Math.round(length.epochs * batchesPerEpoch)), replans: [] };
  return null;
}
