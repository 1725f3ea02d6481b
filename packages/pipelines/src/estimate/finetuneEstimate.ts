import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { FinetuneFacts, ResolvedFinetuneConfig } from "../settings/resolveFinetune.js";
import {
  classifierParameters,
  encodingTime,
  type FinetuneStep,
  finetuneStepMemory,
  finetuneStepTime,
} from "./finetuneStep.js";
import { putTogether, type RunEstimate } from "./runEstimate.js";
import { decodingTime, type FixedTime, stepsDecodingTime, totalOf } from "./runTime.js";

/** What fine-tuning does besides its steps. */
export interface FinetuneFixedTime extends FixedTime {
  /** One look at the test pictures, in seconds; `report` has that of the end. */
  readonly evaluation: number;
}

/** Fewest seconds for the files of the last checkpoint and the classifier. */
const filesSeconds = 1;

/** What is known before fine-tuning of pictures and encoder, the test pictures included. */
export interface FinetuneRunFacts extends FinetuneFacts {
  /** The training pictures. */
  readonly pictures: PictureFacts;
  /** How many test pictures there are. */
  readonly testCount: number;
}

/** The settings of a run that a step's cost depends on. */
function stepOf(config: ResolvedFinetuneConfig, { encoder, classes }: FinetuneFacts): FinetuneStep {
  return { ...config, encoder, classes };
}

/**
 * How long everything but the steps takes.
 *
 * @param config The run's settings.
 * @param facts What is known of pictures and encoder.
 * @param machine Threads, rates and free memory.
 * @param onDisk Whether all training pictures are decoded once for a cache on disk.
 */
export function finetuneFixedTime(
  config: ResolvedFinetuneConfig,
  facts: FinetuneRunFacts,
  machine: MachineFacts,
  onDisk = false,
): FinetuneFixedTime {
  const { encoder, pictures, testCount } = facts;
  const looking = testCount * encodingTime(encoder, config.imageSize, machine.rates);
  const evaluation = decodingTime(testCount, pictures, machine) + looking;
  const { batch, evaluateEvery, repeats } = config;
  const often = evaluateEvery === null ? 0 : evaluation / evaluateEvery;
  const step = {
    seconds: finetuneStepTime(stepOf(config, facts), machine.rates) + often,
    pictures: batch / repeats,
  };
  const report = filesSeconds + evaluation;
  const decoding = stepsDecodingTime(config, step, report, pictures, machine, onDisk);
  return { decoding, preparation: 0, report, evaluation };
}

/**
 * Estimates what a fine-tuning run takes. A pure function.
 *
 * @param config The run's settings.
 * @param facts What is known of pictures and encoder.
 * @param machine Threads, memory and speed.
 * @param onDisk Whether the decoded pictures will lie in a cache on disk.
 */
export function estimateFinetune(
  config: ResolvedFinetuneConfig,
  facts: FinetuneRunFacts,
  machine: MachineFacts,
  onDisk: boolean,
): RunEstimate {
  const { batch, evaluateEvery, seconds } = config;
  const step = stepOf(config, facts);
  const secondsPerStep = finetuneStepTime(step, machine.rates);
  const fixed = finetuneFixedTime(config, facts, machine, onDisk);
  const every = evaluateEvery ?? Number.POSITIVE_INFINITY;
  const left = (seconds ?? 0) - totalOf(fixed);
  const steps = config.steps ?? Math.max(1, Math.floor(left / (secondsPerStep + fixed.evaluation / every)));
  const parameters = classifierParameters(step);
  return putTogether(
    {
      batch,
      steps,
      secondsPerStep,
      // The last step's evaluation is that of the end.
      besides: totalOf(fixed) + Math.floor((steps - 1) / every) * fixed.evaluation,
      step: finetuneStepMemory(step),
      parameters,
      files: 4 * parameters,
    },
    config,
    facts.pictures,
    machine,
    onDisk,
  );
}
