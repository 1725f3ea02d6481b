import type { TimeLimit } from "@splitmask/trainer";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";
import { keptBytes, picturesBytes, processBytes } from "./runMemory.js";
import type { RunWork } from "./runWork.js";
import type { TrainingCost } from "./trainingCost.js";

/** What a run is going to take. */
export interface RunEstimate {
  /** Steps; of a timed run as many as should fit. */
  readonly steps: number;
  /** A step, in seconds. */
  readonly secondsPerStep: number;
  /** Pictures a second. */
  readonly picturesPerSecond: number;
  /** The whole call, in seconds: decoding and tokenizer, steps, report. */
  readonly seconds: number;
  /** Memory in bytes. */
  readonly memory: {
    /** The most that a step has on the device at once. */
    readonly step: number;
    /** Decoded pictures that are kept. */
    readonly pictures: number;
    /** The whole process. */
    readonly total: number;
  };
  /** Disk in bytes. */
  readonly disk: {
    /** The run folder: checkpoints, the encoder, metrics and report. */
    readonly run: number;
    /** Decoded pictures in the cache, shared by all runs; 0: none. */
    readonly cache: number;
  };
}

/** An estimate with what it was made of. */
export interface EstimatedRun {
  /** Time, memory and disk. */
  readonly estimate: RunEstimate;
  /** What the run does besides its steps, in seconds. */
  readonly fixed: {
    /** Cores that decode the pictures of the steps cannot train meanwhile. */
    readonly decoding: number;
    /** What is done before the first step: measuring the colors, fitting the tokenizer, and counting its words. */
    readonly preparation: number;
    /** The last checkpoint, the encoder and the report. */
    readonly report: number;
  };
  /** One evaluation between two steps, in seconds; 0: there is none. */
  readonly evaluationSeconds: number;
}

/** To decode a picture on a core where it was not measured, in seconds. */
const assumedDecoding = 0.003;
/** What the steps spend on checkpoints and looks at the health figures, as a factor. */
const besideSteps = 1.04;
/** Metrics and events of a step, and the report, in bytes. */
const stepRecord = 600;
const reportBytes = 2e6;

/** How long a step takes with its batch and its share of checkpoints and looks at the health figures, in seconds. */
export function stepTime({ secondsPerStep, secondsToPrepare }: TrainingCost): number {
  return besideSteps * secondsPerStep + secondsToPrepare;
}

/**
 * Estimates what a run takes, whatever its method: a pure function of what was counted.
 *
 * @param onDisk Whether all pictures are decoded once for a cache on disk.
 */
export function estimateRun(
  settings: Pick<LoopSettings, "batch" | "steps" | "seconds" | "cache" | "ema" | "keepCheckpoints">,
  { after, before, cost, decodeSize, evaluateEvery, picturesPerStep }: RunWork,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk = false,
): EstimatedRun {
  const { batch, cache, seconds } = settings;
  const { count, decodeSeconds = assumedDecoding } = pictures;
  const secondsPerPicture = decodeSeconds / machine.threads;
  const looking = after.pictures * secondsPerPicture + after.looks * cost.secondsPerLook;
  const evaluationSeconds = evaluateEvery === null ? 0 : looking;
  const every = evaluateEvery ?? Number.POSITIVE_INFINITY;
  const secondsPerStep = stepTime(cost);
  const withEvaluations = secondsPerStep + evaluationSeconds / every;
  const preparation = before.pictures * secondsPerPicture + before.operations / machine.rates.products;
  const report = after.seconds + looking;

  const allBytes = picturesBytes(pictures, decodeSize);
  const mostKept = keptBytes(settings, decodeSize, pictures, machine);
  const keptShare = cache === "off" ? Math.min(1, mostKept / allBytes) : 1;
  const decoding = { picturesPerStep, count, keptShare };
  // With a cache on disk the steps decode nothing themselves.
  const [cached, decodes] = onDisk ? [count * secondsPerPicture, 0] : [0, secondsPerPicture];
  const left = (seconds ?? 0) - preparation - report - cached;
  const steps = settings.steps ?? stepsInTime(left, withEvaluations, decodes, decoding);
  const fixed = { decoding: cached + decodes * decodedInSteps(steps, decoding), preparation, report };

  const seen = picturesBytes({ ...pictures, count: Math.min(count, steps * batch) }, decodeSize);
  const kept = onDisk ? 0 : Math.min(mostKept, seen);
  // Parameters, two moments and the moving average; the latest and the best.
  const checkpoint = 4 * cost.parameters * (settings.ema === null ? 3 : 4);
  const files = 4 * cost.encoderParameters + cost.preparedBytes;
  return {
    fixed,
    evaluationSeconds,
    estimate: {
      steps,
      secondsPerStep,
      picturesPerSecond: batch / secondsPerStep,
      // The last step's evaluation is that of the end.
      seconds:
        fixed.decoding +
        preparation +
        report +
        steps * secondsPerStep +
        Math.floor((steps - 1) / every) * evaluationSeconds,
      memory: { step: cost.memoryBytes, pictures: kept, total: cost.memoryBytes + kept + processBytes },
      disk: {
        run: checkpoint * (settings.keepCheckpoints + 1) + files + steps * stepRecord + reportBytes,
        cache: onDisk ? allBytes : 0,
      },
    },
  };
}

/** How a run's steps decode its pictures. */
interface StepDecoding {
  readonly picturesPerStep: number;
  readonly count: number;
  /** Share of the pictures that stay decoded from one pass over them to the next, 0 to 1. */
  readonly keptShare: number;
}

/** How many pictures steps decode: in the first pass each that a step sees, later those that were not kept. */
export function decodedInSteps(steps: number, { count, keptShare, picturesPerStep }: StepDecoding): number {
  const seen = steps * picturesPerStep;
  return Math.min(seen, (1 - keptShare) * seen + keptShare * count);
}

/** How many steps fit in a time with the pictures that they decode, at least one. */
export function stepsInTime(
  seconds: number,
  secondsPerStep: number,
  secondsPerPicture: number,
  { count, keptShare, picturesPerStep }: StepDecoding,
): number {
  const decodes = picturesPerStep * secondsPerPicture;
  const inFirstPass = seconds / (secondsPerStep + decodes);
  const kept = keptShare * count * secondsPerPicture;
  const inAll = (seconds - kept) / (secondsPerStep + (1 - keptShare) * decodes);
  return Math.max(1, Math.floor(Math.max(inFirstPass, inAll)));
}

/** At most this share of what is left of a time is kept back from the steps: an estimate may be far too high. */
const largestReserve = 1 / 3;

/**
 * A run's time as the trainer takes it: what is spent, and what is kept back from the steps for the end of the run, and
 * for decoding where that is still to be done.
 *
 * @param elapsed What this call has spent of it, in seconds.
 * @param decoded Whether the pictures are decoded already.
 */
export function timeLimitOf(
  seconds: number,
  elapsed: number,
  { estimate, evaluationSeconds, fixed }: EstimatedRun,
  decoded: boolean,
): TimeLimit {
  // Where the trainer evaluates, it keeps the time of the last evaluation back itself.
  const afterwards = fixed.report - evaluationSeconds;
  const decoding = decoded ? 0 : fixed.decoding;
  const most = largestReserve * Math.max(0, seconds - elapsed);
  const share = Math.min(1, most / (afterwards + decoding));
  return {
    ...{ seconds: Math.max(1, seconds), elapsed, secondsPerStep: estimate.secondsPerStep },
    ...{ afterwards: share * afterwards, decoding: share * decoding },
  };
}
