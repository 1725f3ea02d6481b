import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ConfusionView, RecordedRun } from "@splitmask/report";
import { RunFolder } from "@splitmask/trainer";
import { z } from "zod";
import { evaluationFile } from "./finetuneEvaluation.js";

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
    title: "Classifier",
    note: "On the test pictures, at the end of the run.",
    classes,
    counts: confusion,
  };
}
