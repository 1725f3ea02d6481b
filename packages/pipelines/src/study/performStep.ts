import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { FileLockedError } from "@splitmask/files";
import type { TrainingEvent } from "@splitmask/trainer";
import { evaluate } from "../evaluation/evaluate.js";
import { hasRun } from "../runs/outFolder.js";
import type { Terminal } from "../terminal/terminal.js";
import { finetune } from "../training/finetune.js";
import { fitTokenizer } from "../training/fitTokenizer.js";
import { createRun, pretrain } from "../training/pretrain.js";
import type { StepOutcome, StepProgress, StepRecord, StudyStep } from "./step.js";
import type { StudyFolder } from "./studyFolder.js";

/** Where and how a step runs. */
export interface StepContext {
  readonly studies: StudyFolder;
  readonly threads: number;
  /** A plain object: it is copied with another `warn`. */
  readonly terminal: Terminal;
  /** Aborting it ends a training after the step at hand, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StepProgress) => void;
}

/** Seconds to wait until a process that was killed or is stopping has released its run folder. */
const patience = 60;

/**
 * Does a step and keeps what it gave. A training that an earlier process began goes on from its last checkpoint.
 *
 * @returns null where the signal ended it.
 */
export async function performStep(step: StudyStep, context: StepContext): Promise<StepRecord | null> {
  const { studies } = context;
  const started = performance.now();
  const wasBegun = hasRun(studies.runPath(step.key));
  const outcome = await onceUnlocked(() => outcomeOf(step, context));
  if (outcome === null) return null;
  const { inputs, key, label, work } = step;
  const seconds = wasBegun ? null : (performance.now() - started) / 1000;
  const record: StepRecord = {
    format: 1,
    ...{ label, inputs, seconds, finished: new Date().toISOString() },
    ...outcome,
  };
  await studies.write("steps", key, record);
  // The exported model stays; a classifier that is done is never resumed.
  if (work.kind === "finetune")
    await rm(join(work.request.out, "checkpoints"), { recursive: true, force: true });
  return record;
}

/** Does work in a run folder; first waits for a process that still holds it, such as one that was just stopped. */
async function onceUnlocked<Result>(work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + 1000 * patience;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const waits = error instanceof FileLockedError && !error.elsewhere && performance.now() < deadline;
      if (!waits) throw error;
      await setTimeout(200);
    }
  }
}

async function outcomeOf({ work }: StudyStep, context: StepContext): Promise<StepOutcome | null> {
  const { onProgress, signal, terminal, threads } = context;
  const warnings: string[] = [];
  const heard: Terminal = {
    ...terminal,
    warn(text) {
      warnings.push(text);
      terminal.warn(text);
    },
  };
  const onEvent = (event: TrainingEvent) => {
    if (event.type !== "step") return;
    const { secondsLeft, step, steps } = event;
    onProgress({ step, steps, secondsLeft });
  };
  switch (work.kind) {
    case "untrained": {
      const { request } = work;
      const config = { ...request.config, threads };
      if (!hasRun(request.out)) await createRun({ ...request, config }, heard);
      return { accuracy: null, warnings };
    }
    case "pretraining": {
      const { request } = work;
      const config = { ...request.config, threads };
      const resume = hasRun(request.out);
      const { reason } = await pretrain({ ...request, config, resume, signal, onEvent }, heard);
      return reason === "interrupted" ? null : { accuracy: null, warnings };
    }
    case "tokenizer": {
      const { request } = work;
      const config = { ...request.config, threads };
      const resume = hasRun(request.out);
      const { reason } = await fitTokenizer({ ...request, config, resume, signal, onEvent }, heard);
      return reason === "interrupted" ? null : { accuracy: null, warnings };
    }
    case "finetune": {
      const { request } = work;
      const config = { ...request.config, threads };
      const resume = hasRun(request.out);
      const trained = await finetune({ ...request, config, resume, signal, onEvent }, heard);
      if (trained.reason === "interrupted") return null;
      if (trained.evaluation === null) throw new Error(`the model could not be tested: ${warnings.at(-1)}`);
      const { accuracy, test } = trained.evaluation;
      return { accuracy: { accuracy, test }, warnings };
    }
    default: {
      const { kind, request } = work;
      const { [kind]: found } = await evaluate({ ...request, threads }, [kind], heard);
      const { accuracy, layers, test } = found;
      const byLayer = layers?.map((each) => ({ layer: each.layer, accuracy: each.accuracy }));
      return {
        accuracy: { accuracy, test, ...(byLayer === undefined ? {} : { layers: byLayer }) },
        warnings,
      };
    }
  }
}
