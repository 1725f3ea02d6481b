import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RecordedRun } from "@splitmask/report";
import { RunFolder } from "@splitmask/trainer";
import { z } from "zod";
import { evaluationFile } from "./classifierFile.js";
import { isDescription } from "./description.js";

/** Reads a run folder without taking its lock, so also while the run is going on. */
export async function readRecordedRun(path: string): Promise<RecordedRun> {
  const run = await RunFolder.open(path, { write: false });
  const { config } = run;
  const evaluation = await readEvaluation(join(run.path, evaluationFile));
  return {
    ...{ path: run.path, name: basename(run.path), config },
    metrics: await run.readMetrics(),
    evaluations: await run.readEvaluations(),
    confusion: evaluation.confusion,
    warnings: [...(isDescription(config) ? config.warnings : []), ...evaluation.warnings],
    skipped: await run.readSkipped(),
  };
}

const evaluationLayout = z.object({
  classes: z.array(z.string()),
  confusion: z.array(z.array(z.number())),
  warnings: z.array(z.string()),
});

/** What the `evaluation.json` says that a fine-tuned run has. */
async function readEvaluation(path: string): Promise<Pick<RecordedRun, "confusion" | "warnings">> {
  if (!existsSync(path)) return { confusion: null, warnings: [] };
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new Error(
      `${path} is not JSON: ${(error as Error).message}. Evaluate the run again, or delete it.`,
      { cause: error },
    );
  }
  const read = evaluationLayout.safeParse(json);
  if (!read.success) {
    throw new Error(
      `${path} is not an evaluation: ${z.prettifyError(read.error)}. Expected classes (names), confusion (one row ` +
        "of counts a class) and warnings (texts). Evaluate the run again, or delete it.",
    );
  }
  const { classes, confusion: counts, warnings } = read.data;
  const note = "On the test pictures, at the end of the run.";
  return { confusion: { title: "Classifier", note, classes, counts }, warnings };
}
