/**
 * Studies: grids of methods, settings, pictures and seeds, evaluated and compared.
 *
 * @packageDocumentation
 */
export type {
  RowPlace,
  StudyAccuracy,
  StudyComparison,
  StudyFailure,
  StudyFigure,
  StudyResultRow,
  StudyResults,
  StudyValue,
} from "@splitmask/report";
export {
  checkPlan,
  type FrozenEvaluation,
  type LabelledEvaluation,
  type StudyEvaluation,
  type StudyPictures,
  type StudyPlan,
  type StudyRow,
} from "./plan.js";
export {
  defineStudy,
  type PlanAxisValue,
  type PlanEvaluation,
  type PlanFile,
  type PlanPictures,
} from "./planFields.js";
export { readPlan } from "./planFile.js";
export { type PaperPlanRequest, paperPlan, paperPlanNames, type StudyScale } from "./plans/paperPlan.js";
export { resultText } from "./resultText.js";
export {
  type CellEstimate,
  type StudyEstimate,
  type StudyOutcome,
  type StudyRequest,
  study,
  studyDryRun,
  studyEstimateText,
} from "./runStudy.js";
