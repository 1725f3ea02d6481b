import type { PreparationCost } from "@splitmask/methods";
import type { TimeLimit } from "@splitmask/trainer";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";
import { decodedInSteps, stepsInTime } from "./decodedPictures.js";
import { decodeSizeOf, keptBytes, picturesBytes } from "./runMemory.js";
import type { TrainingCost } from "./trainingCost.js";

/** How long a run is, and whether there may be a cache on disk. */
export type LengthSettings = Pick<LoopSettings, "steps" | "seconds" | "cache" | "imageSize">;

/** What a run does besides its steps, in seconds. */
export interface FixedTime {
  /** Cores that decode the pictures of the steps cannot train meanwhile. */
  readonly decoding: number;
  /** What is done before the first step: measuring the colors, fitting the tokenizer, and counting its words. */
  readonly preparation: number;
  /** The last checkpoint, the encoder and the report. */
  readonly report: number;
}

/** What a run does besides its steps. */
export interface WorkBesides {
  /** Before the first step. */
  readonly before: PreparationCost;
  /** After the last step. */
  readonly after: {
    /** What does not depend on the pictures, in seconds. */
    readonly seconds: number;
    /** Pictures that are decoded. */
    readonly pictures: number;
    /** Pictures that are embedded. */
    readonly looks: number;
  };
}

const assumedDecoding = 0.003;
/** What the steps spend on checkpoints and looks at the health figures, as a factor. */
const besideSteps = 1.04;

/**
 * How long a step takes with its share of checkpoints and looks at the health figures, in seconds.
 *
 * @param cost Of the step.
 */
export function stepTime({ secondsPerStep }: TrainingCost): number {
  return besideSteps * secondsPerStep;
}

/**
 * How long all threads take to decode some pictures, in seconds.
 *
 * @param count How many.
 * @param pictures How long one takes.
 * @param machine Its threads.
 */
export function decodingTime(
  count: number,
  { decodeSeconds = assumedDecoding }: PictureFacts,
  { threads }: MachineFacts,
): number {
  return (count * decodeSeconds) / threads;
}

/**
 * How long decoding takes for the steps of a run, in seconds.
 *
 * @param settings The run's length: its steps, or the time that it has.
 * @param step What a step takes, in seconds, and how many different pictures it sees.
 * @param besides What the run does besides its steps and their decoding, in seconds.
 * @param pictures How many, and how long decoding takes.
 * @param machine Its threads and free memory.
 * @param onDisk Whether all pictures are decoded once for a cache on disk.
 */
export function stepsDecodingTime(
  { cache, imageSize, seconds, steps }: LengthSettings,
  step: { readonly seconds: number; readonly pictures: number },
  besides: number,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk: boolean,
): number {
  const { count } = pictures;
  if (onDisk || (steps === null && seconds === null)) return decodingTime(count, pictures, machine);
  const mostKept =
    cache === "off" ? keptBytes({ cache, imageSize }, pictures, machine) : Number.POSITIVE_INFINITY;
  const keptShare = Math.min(1, mostKept / picturesBytes(pictures, decodeSizeOf({ imageSize })));
  const decoding = { picturesPerStep: step.pictures, count, keptShare };
  const each = decodingTime(1, pictures, machine);
  const done = steps ?? stepsInTime(seconds! - besides, step.seconds, each, decoding);
  return decodingTime(decodedInSteps(done, decoding), pictures, machine);
}

/**
 * How long everything but the steps takes.
 *
 * @param settings The run's length.
 * @param step What a step takes, in seconds, and how many different pictures it sees.
 * @param besides What is done besides.
 * @param secondsPerLook What it takes to embed a picture, in seconds.
 * @param pictures How many, and how long decoding takes.
 * @param machine Threads, rates and free memory.
 * @param onDisk Whether all pictures are decoded once for a cache on disk.
 */
export function fixedTime(
  settings: LengthSettings,
  step: { readonly seconds: number; readonly pictures: number },
  { after, before }: WorkBesides,
  secondsPerLook: number,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk = false,
): FixedTime {
  const decode = (count: number) => decodingTime(count, pictures, machine);
  const preparation = decode(before.pictures) + before.operations / machine.rates.products;
  const report = after.seconds + decode(after.pictures) + after.looks * secondsPerLook;
  return {
    decoding: stepsDecodingTime(settings, step, preparation + report, pictures, machine, onDisk),
    preparation,
    report,
  };
}

/** The sum, in seconds. */
export function totalOf({ decoding, preparation, report }: FixedTime): number {
  return decoding + preparation + report;
}

/** At most this share of what is left of a time is kept back from the steps: an estimate may be far too high. */
const largestReserve = 1 / 3;

/**
 * A run's time as the trainer takes it: what is spent, and what is kept back from the steps for the end of the run, and
 * for decoding where that is still to be done.
 *
 * @param seconds The whole time.
 * @param elapsed What this call has spent of it.
 * @param besides What the run does besides its steps.
 * @param decoded Whether the pictures are decoded already.
 * @param secondsPerStep A step on the machine that `besides` was estimated for, in seconds.
 */
export function timeLimitOf(
  seconds: number,
  elapsed: number,
  { decoding, report }: Pick<FixedTime, "decoding" | "report">,
  decoded: boolean,
  secondsPerStep: number,
): TimeLimit {
  const kept = { afterwards: report, decoding: decoded ? 0 : decoding };
  const most = largestReserve * Math.max(0, seconds - elapsed);
  const share = Math.min(1, most / (kept.afterwards + kept.decoding));
  return {
    seconds: Math.max(1, seconds),
    elapsed,
    afterwards: share * kept.afterwards,
    decoding: share * kept.decoding,
    secondsPerStep,
  };
}
