import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";
import { decodeSizeOf, keptBytes, picturesBytes, processBytes } from "./runMemory.js";
import { decodingTime, type FixedTime, fixedTime, stepTime, totalOf, type WorkBesides } from "./runTime.js";
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

/** What a run does, counted. */
export interface RunWork {
  /** A step. */
  readonly cost: TrainingCost;
  /** Different pictures of a step. */
  readonly picturesPerStep: number;
  /** Before and after the steps. */
  readonly besides: WorkBesides;
  /** The evaluations between steps; null: there is one at the end only, which `besides` has. */
  readonly evaluation: {
    /** Pictures that are looked at. */
    readonly pictures: number;
    /** Steps from one to the next. */
    readonly every: number;
  } | null;
}

/** An estimate with what it was made of. */
export interface EstimatedRun {
  /** Time, memory and disk. */
  readonly estimate: RunEstimate;
  /** What the run does besides its steps, in seconds. */
  readonly fixed: FixedTime;
  /** One evaluation between two steps, in seconds; 0: there is none. */
  readonly evaluationSeconds: number;
}

/** Metrics and events of a step, and the report, in bytes. */
const stepRecord = 600;
const reportBytes = 2e6;

/**
 * Estimates what a run takes, whatever its method: a pure function of what was counted.
 *
 * @param settings The run's settings.
 * @param work What it does.
 * @param pictures Number, size, and how long decoding takes.
 * @param machine Threads, memory and speed.
 * @param onDisk Whether the decoded pictures will lie in a cache on disk.
 */
export function estimateRun(
  settings: Pick<
    LoopSettings,
    "batch" | "steps" | "seconds" | "cache" | "ema" | "imageSize" | "keepCheckpoints"
  >,
  { besides, cost, evaluation, picturesPerStep }: RunWork,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk: boolean,
): EstimatedRun {
  const { batch } = settings;
  const secondsPerStep = stepTime(cost);
  const looking = evaluation?.pictures ?? 0;
  const evaluationSeconds = decodingTime(looking, pictures, machine) + looking * cost.secondsPerLook;
  const every = evaluation?.every ?? Number.POSITIVE_INFINITY;
  const withEvaluations = secondsPerStep + evaluationSeconds / every;
  const step = { seconds: withEvaluations, pictures: picturesPerStep };
  const fixed = fixedTime(settings, step, besides, cost.secondsPerLook, pictures, machine, onDisk);
  const left = (settings.seconds ?? 0) - totalOf(fixed);
  const steps = settings.steps ?? Math.max(1, Math.floor(left / withEvaluations));
  // Parameters, two moments and the moving average; the latest and the best.
  const checkpoint = 4 * cost.parameters * (settings.ema === null ? 3 : 4);
  const seen = { ...pictures, count: Math.min(pictures.count, steps * batch) };
  const kept = onDisk
    ? 0
    : Math.min(keptBytes(settings, pictures, machine), picturesBytes(seen, decodeSizeOf(settings)));
  const files = 4 * cost.encoderParameters + cost.preparedBytes;
  return {
    fixed,
    evaluationSeconds,
    estimate: {
      steps,
      secondsPerStep,
      picturesPerSecond: batch / secondsPerStep,
      // The last step's evaluation is that of the end.
      seconds: totalOf(fixed) + steps * secondsPerStep + Math.floor((steps - 1) / every) * evaluationSeconds,
      memory: { step: cost.memoryBytes, pictures: kept, total: cost.memoryBytes + kept + processBytes },
      disk: {
        run: checkpoint * (settings.keepCheckpoints + 1) + files + steps * stepRecord + reportBytes,
        cache: onDisk ? picturesBytes(pictures, decodeSizeOf(settings)) : 0,
      },
    },
  };
}
