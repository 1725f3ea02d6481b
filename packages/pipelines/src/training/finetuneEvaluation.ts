import { limitSkipped, type View } from "@splitmask/data";
import { evaluateClassifier } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { ClassifierModel } from "@splitmask/methods";
import type { RunDescription } from "../runs/description.js";
import type { ClassificationSettings } from "../settings/runSettings.js";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";
import type { RunPictures } from "./runKind.js";

/** How good the fine-tuned model is; what `evaluation.json` holds. */
export interface FinetuneEvaluation {
  /** Share of the test pictures that are classified rightly. */
  readonly accuracy: number;
  /**
   * Share of the test pictures whose class is among the five with the highest scores; null with no more than five
   * classes.
   */
  readonly top5: number | null;
  /** Number of test pictures. */
  readonly test: number;
  /** Class names, by label. */
  readonly classes: readonly string[];
  /** Why the figures may not mean what they seem to: test pictures that are training pictures too. */
  readonly warnings: readonly string[];
  /** Accuracy by class name; null without test pictures. */
  readonly perClass: Readonly<Record<string, number | null>>;
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p. */
  readonly confusion: readonly (readonly number[])[];
}

/** Name of the evaluation's file in a finished run folder. */
export const evaluationFile = "evaluation.json";

/** Classifies the test pictures of a run. */
export async function evaluateFinetuned(
  device: Device,
  { config, classes }: Pick<RunDescription<ClassificationSettings>, "config" | "classes">,
  classifier: ClassifierModel,
  view: View,
  { test, warnings }: Pick<RunPictures, "test" | "warnings">,
  terminal: Terminal,
): Promise<FinetuneEvaluation> {
  const found = await evaluateClassifier({
    device,
    classifier,
    dataset: limitSkipped(test!, { maximumSkipped: config.maximumSkipped }),
    view,
    cropRatio: config.cropRatio,
    onProgress: (done, total) => terminal.progress(`test: ${done} of ${total} pictures classified`),
  });
  terminal.endProgress();
  const [example] = found.skipped;
  if (example !== undefined) {
    terminal.warn(
      `${found.skipped.length} test pictures were skipped, e.g. ${printable(example.path)}: ${example.reason}`,
    );
  }
  const { accuracy, top5, perClass, confusion } = found;
  return {
    accuracy,
    top5,
    test: found.labels.length,
    classes,
    warnings,
    perClass: Object.fromEntries(
      classes.map((name, label) => [name, Number.isNaN(perClass[label]!) ? null : perClass[label]!]),
    ),
    confusion,
  };
}
