import type { ResolvedOptimizer } from "../loop/trainingOptimizer.js";
import type { ResolvedSchedule } from "../loop/trainingSchedule.js";
import type { CheckpointSettings } from "./checkpointFolder.js";

/** At most so many differences are named in an error. */
const NAMED = 8;

/** What checkpoints were made with before there was a choice. */
const FORMER: Partial<CheckpointSettings> = {
  precision: "float32",
  clipMode: "global",
  accumulate: 1,
  ema: null,
  freeze: [],
};

/** Settings as they were saved when there was only AdamW and a cosine. */
type FormerSettings = Omit<CheckpointSettings, "schedule" | "optimizer"> &
  Omit<Extract<ResolvedSchedule, { kind: "cosine" }>, "kind" | "warmupStart"> &
  Omit<Extract<ResolvedOptimizer, { kind: "adamw" }>, "kind">;

/** Anything with a shape, by name: a state dict, or the tensors of a file. */
export type ShapesByName = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/**
 * Compares the tensors of a checkpoint with those of a model.
 *
 * @param what names the tensors in the error, e.g. `model`.
 * @throws Error listing the names that one of them lacks, and the shapes that differ.
 */
export function assertSameShapes(
  what: string,
  path: string,
  found: ShapesByName,
  expected: ShapesByName,
): void {
  const differences: string[] = [];
  for (const [name, tensor] of expected) {
    const other = found.get(name);
    if (other === undefined) differences.push(`${name} (${format(tensor.shape)}) is not in the checkpoint`);
    else if (format(other.shape) !== format(tensor.shape)) {
      differences.push(
        `${name} is ${format(other.shape)} in the checkpoint and ${format(tensor.shape)} here`,
      );
    }
  }
  for (const [name, tensor] of found) {
    if (!expected.has(name)) differences.push(`${name} (${format(tensor.shape)}) is only in the checkpoint`);
  }
  if (differences.length === 0) return;
  const more = differences.length > NAMED ? `\n  … and ${differences.length - NAMED} more` : "";
  throw new Error(
    `checkpoint: ${path} is of another ${what}: ${differences.length} of ${expected.size} tensors differ:\n` +
      `  ${differences.slice(0, NAMED).join("\n  ")}${more}\n` +
      "Nothing was loaded. Resume with the options that the run was started with.",
  );
}

/**
 * Compares what a run was made with.
 *
 * @throws Error listing each setting that differs.
 */
export function assertSameSettings(
  path: string,
  found: CheckpointSettings | FormerSettings,
  expected: CheckpointSettings,
): void {
  const differences = differencesOf("", inTodaysForm(found), expected);
  if (differences.length === 0) return;
  throw new Error(
    `resume: ${path} was made with other settings: ${differences.join("; ")}. ` +
      "Resume with the same ones, or start a new run in another folder.",
  );
}

function inTodaysForm(found: CheckpointSettings | FormerSettings): CheckpointSettings {
  if ("schedule" in found) return { ...FORMER, ...found };
  const { base, betas, epsilon, layerDecay = 1, minimum, warmupSteps, ...others } = found;
  const { weightDecay, weightDecayEnd = null, ...rest } = others;
  return {
    ...FORMER,
    ...rest,
    schedule: { kind: "cosine", base, minimum, warmupSteps, warmupStart: 0 },
    optimizer: { kind: "adamw", betas, epsilon, weightDecay, weightDecayEnd, layerDecay },
  };
}

/** What differs, a sentence each; objects of the same kind are compared field by field. */
function differencesOf(name: string, was: unknown, is: unknown): string[] {
  if (isObject(was) && isObject(is) && was.kind === is.kind) {
    const fields = new Set([...Object.keys(was), ...Object.keys(is)]);
    return [...fields].flatMap((field) =>
      differencesOf(name === "" ? field : `${name}.${field}`, was[field], is[field]),
    );
  }
  const [before, now] = [was, is].map((value) => JSON.stringify(value ?? null));
  return before === now ? [] : [`${name} was ${before} and is now ${now}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function format(shape: readonly number[]): string {
  return shape.length === 0 ? "scalar" : shape.join("×");
}
