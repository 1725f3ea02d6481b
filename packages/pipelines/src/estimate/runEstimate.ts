import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { ResolvedConfig } from "../settings/resolvedConfig.js";
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

/** What is known of a run by its method. */
export interface EstimateParts {
  /** Pictures a step. */
  readonly batch: number;
  /** Steps. */
  readonly steps: number;
  /** A step, in seconds. */
  readonly secondsPerStep: number;
  /** What the run does besides its steps, in seconds. */
  readonly besides: number;
  /** The most that a step has on the device at once, in bytes. */
  readonly step: number;
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Files of the run folder besides checkpoints, metrics and report, in bytes. */
  readonly files: number;
}

/** Metrics and events of a step, and the report, in bytes. */
const stepRecord = 600;
const reportBytes = 2e6;

/**
 * Puts an estimate together from what a method knows of its run, and from what is the same for all: pictures,
 * checkpoints and records.
 *
 * @param parts By the method.
 * @param config The settings that all runs have.
 * @param pictures Number and size.
 * @param machine Its free memory.
 * @param onDisk Whether the decoded pictures will lie in a cache on disk.
 */
export function putTogether(
  parts: EstimateParts,
  config: Pick<ResolvedConfig, "cache" | "ema" | "imageSize" | "keepCheckpoints">,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk: boolean,
): RunEstimate {
  const { batch, besides, files, parameters, secondsPerStep, step, steps } = parts;
  // Parameters, two moments and the moving average; the latest and the best.
  const checkpoint = 4 * parameters * (config.ema === null ? 3 : 4);
  const seen = { ...pictures, count: Math.min(pictures.count, steps * batch) };
  const kept = onDisk
    ? 0
    : Math.min(keptBytes(config, pictures, machine), picturesBytes(seen, 2 * config.imageSize));
  return {
    steps,
    secondsPerStep,
    picturesPerSecond: batch / secondsPerStep,
    seconds: besides + steps * secondsPerStep,
    memory: { step, pictures: kept, total: step + kept + processBytes },
    disk: {
      run: checkpoint * (config.keepCheckpoints + 1) + files + steps * stepRecord + reportBytes,
      cache: onDisk ? picturesBytes(pictures, 2 * config.imageSize) : 0,
    },
  };
}

/**
 * Estimates what a pre-training run takes. A pure function.
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
  const { batch, seconds, vocabulary } = config;
  const secondsPerStep = stepTime(config, machine.rates);
  const besides = totalOf(fixedTime(config, pictures, machine, onDisk));
  const { encoderParameters, parameters, tokenizerPatch } = stepSizes(config);
  return putTogether(
    {
      batch,
      steps: config.steps ?? Math.max(1, Math.floor((seconds! - besides) / secondsPerStep)),
      secondsPerStep,
      besides,
      step: stepMemory(config),
      parameters,
      files: 4 * (encoderParameters + vocabulary * 3 * tokenizerPatch ** 2),
    },
    config,
    pictures,
    machine,
    onDisk,
  );
}
