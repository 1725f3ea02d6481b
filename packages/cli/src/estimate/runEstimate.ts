import type { MachineFacts, PictureFacts } from "../config/facts.js";
import type { ResolvedConfig } from "../config/resolvedConfig.js";
import { keptBytes, picturesBytes, processBytes } from "./runMemory.js";
import { fixedTime, stepTime, totalOf } from "./runTime.js";
import { stepMemory } from "./stepMemory.js";
import { stepSizes } from "./stepSizes.js";

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

/** Metrics and events of a step, and the report, in bytes. */
const stepRecord = 600;
const reportBytes = 2e6;

/**
 * Estimates what a run takes. A pure function.
 *
 * @param config The run's settings.
 * @param pictures Number, size, and how long decoding takes.
 * @param machine Threads, memory and speed.
 * @param onDisk Whether the decoded pictures will lie in a cache on disk.
 */
export function estimateRun(
  config: ResolvedConfig,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk: boolean,
): RunEstimate {
  const { batch, ema, imageSize, keepCheckpoints, seconds, vocabulary } = config;
  const secondsPerStep = stepTime(config, machine.rates);
  const besides = totalOf(fixedTime(config, pictures, machine));
  const steps = config.steps ?? Math.max(1, Math.floor((seconds! - besides) / secondsPerStep));
  const { encoderParameters, parameters, tokenizerPatch } = stepSizes(config);
  // Parameters, two moments and the moving average; the latest and the best.
  const checkpoint = 4 * parameters * (ema === null ? 3 : 4);
  const kept = onDisk ? 0 : keptBytes(config, pictures, machine);
  const step = stepMemory(config);
  return {
    steps,
    secondsPerStep,
    picturesPerSecond: batch / secondsPerStep,
    seconds: besides + steps * secondsPerStep,
    memory: { step, pictures: kept, total: step + kept + processBytes },
    disk: {
      run:
        checkpoint * (keepCheckpoints + 1) +
        4 * (encoderParameters + vocabulary * 3 * tokenizerPatch ** 2) +
        steps * stepRecord +
        reportBytes,
      cache: onDisk ? picturesBytes(pictures, 2 * imageSize) : 0,
    },
  };
}
