import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { ClassifierModel } from "@splitmask/methods";
import type { VisionTransformer } from "@splitmask/vit";
import { classifierFile, evaluationFile, loadClassifier } from "../runs/classifierFile.js";
import { type RunDescription, readRun } from "../runs/description.js";
import { encoderOfRun, findCheckpoint } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { readRecordedRun } from "../runs/recordedRun.js";

/** The model of a run with what is told of it where it goes. */
export interface ExportedModel {
  readonly encoder: VisionTransformer;
  /** The classifier of a fine-tuning run; null: a pre-trained encoder. */
  readonly classifier: ClassifierModel | null;
  /** The class names, by label; empty without a classifier. */
  readonly classes: readonly string[];
  /** Size and scale of the pictures. */
  readonly view: View;
  /** Share of the short side that is shown, from the middle. */
  readonly cropRatio: number;
  readonly description: RunDescription;
  /** Figures that the run folder has, by what they are. */
  readonly measures: Readonly<Record<string, number>>;
}

/** What embeddings and evaluations of a pre-trained encoder show of a picture: the default of `centerCrop`. */
const encoderCropRatio = 0.875;

/**
 * Loads the model of a run folder, or of a checkpoint folder of a pre-training run.
 *
 * @throws Error where the run has no model yet.
 */
export async function exportedModel(
  device: Device,
  request: RunMethod & { readonly run: string },
): Promise<ExportedModel> {
  const { run } = await findCheckpoint(request.run);
  const { description } = await readRun(run);
  if (description.kind === "classification") {
    const loaded = await loadClassifier(device, join(run, classifierFile));
    const { accuracy, top5, test } = await readEvaluation(run);
    return {
      ...{ ...loaded, encoder: loaded.classifier.encoder, description },
      measures: {
        ...named("accuracy on the test pictures", accuracy),
        ...named("accuracy among the first five", top5),
        ...named("test pictures", test),
      },
    };
  }
  const { encoder, step, view } = await encoderOfRun(device, request);
  const { evaluations, metrics } = await readRecordedRun(run);
  const before = (record: { readonly step: number }) => step === null || record.step <= step;
  const loss = metrics.findLast(before)?.losses.total;
  return {
    ...{ classifier: null, classes: [], cropRatio: encoderCropRatio, encoder, view, description },
    measures: {
      ...named("steps of training", step),
      ...named("loss of the last step", loss),
      ...evaluations.findLast(before)?.evaluation,
    },
  };
}

const named = (name: string, value: number | null | undefined) =>
  typeof value === "number" ? { [name]: value } : {};

/** What a fine-tuned run was worth; empty where it was not tested. */
async function readEvaluation(
  run: string,
): Promise<{ readonly accuracy?: number; readonly top5?: number | null; readonly test?: number }> {
  const text = await readFile(join(run, evaluationFile), "utf8").catch(() => "{}");
  return JSON.parse(text);
}
