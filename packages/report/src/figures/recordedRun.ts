import type { SkippedPicture } from "@splitmask/data";
import type { FigureNotes } from "@splitmask/methods";
import type { EvaluationRecord, MetricsRecord } from "@splitmask/trainer";
import type { ConfusionView } from "../data.js";

/** What a run folder tells of itself, whatever was trained in it. */
export interface RecordedRun {
  /** The folder, absolute. */
  readonly path: string;
  /** Its name. */
  readonly name: string;
  /** What `config.json` holds. */
  readonly config: unknown;
  /** One record a step. */
  readonly metrics: readonly MetricsRecord[];
  /** The evaluations in between. */
  readonly evaluations: readonly EvaluationRecord[];
  /** What `evaluation.json` says of a classifier's mistakes; null without one. */
  readonly confusion: ConfusionView | null;
  /** Why the figures of the evaluations may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
  /** What the method tells of its losses and its health figures; their names alone when left out. */
  readonly figures?: FigureNotes;
}
