import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SkippedPicture } from "@splitmask/data";
import { type EvaluationRecord, type MetricsRecord, RunFolder } from "@splitmask/trainer";
import { z } from "zod";
import type { ConfusionView } from "../report/data.js";
import { evaluationFile } from "./finetuneEvaluation.js";

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
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Reads a run folder without taking its lock, so also while the run is going on.
 *
 * @param path The folder.
 * @throws Error where it is no run, or its files are damaged.
 */
export async function readRecordedRun(path: string): Promise<RecordedRun> {
  const run = await RunFolder.open(path, { write: false });
  return {
    path: run.path,
    name: basename(run.path),
    config: run.config,
    metrics: await run.readMetrics(),
    evaluations: await run.readEvaluations(),
    confusion: await readConfusion(join(run.path, evaluationFile)),
    skipped: await run.readSkipped(),
  };
}

const evaluationLayout = z.object({
  classes: z.array(z.string()),
  confusion: z.array(z.array(z.number())),
});

/** The confusion matrix of an `evaluation.json`, which a fine-tuned run has; null where there is no such file. */
async function readConfusion(path: string): Promise<ConfusionView | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${path} is not JSON: ${(error as Error).message}. Evaluate the run anew, or delete it.`,
      {
        cause: error,
      },
    );
  }
  const read = evaluationLayout.safeParse(json);
  if (!read.success) {
    throw new Error(
      `${path} is no evaluation: ${z.prettifyError(read.error)}. Expected classes (names) and confusion (one row of counts a class). Evaluate the run anew, or delete it.`,
    );
  }
  const { classes, confusion } = read.data;
  return {
    title: "Of the classifier",
    note: "On the pictures that the run was tested on at its end.",
    classes,
    counts: confusion,
  };
}
