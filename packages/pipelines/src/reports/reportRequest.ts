import type { MapMethod } from "@splitmask/report";
import type { RunMethod } from "../runs/methodOf.js";
import type { SourceConfig } from "../settings/sourceFields.js";

/** Which run's report is wanted. */
export interface ReportRequest extends SourceConfig, RunMethod {
  /** A run folder, of pre-training or fine-tuning. */
  readonly run: string;
  /** Pictures to show; when not given those that the run was tested on, or else those that it was trained on. */
  readonly pictures?: string;
  /** How the map of the embeddings is made; `pca` when not given. */
  readonly map?: MapMethod;
  /** The page to write; `report.html` in the run folder when not given. */
  readonly out?: string;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}
