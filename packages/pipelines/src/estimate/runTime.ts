import type { TimeLimit } from "@splitmask/trainer";
import type { MachineFacts, PictureFacts, TrainingRates } from "../settings/facts.js";
import type { ResolvedConfig } from "../settings/resolvedConfig.js";
import { decodedInSteps, stepsInTime } from "./decodedPictures.js";
import { keptBytes, picturesBytes } from "./runMemory.js";
import { stepOperations } from "./stepOperations.js";
import { type StepSettings, stepSizes } from "./stepSizes.js";

/** What a run does besides its steps depends on these as well. */
export type RunSettings = StepSettings &
  Pick<ResolvedConfig, "tokenizer" | "tokenizerPatches"> &
  LengthSettings &
  Partial<Pick<ResolvedConfig, "mean">>;

/** How long a run is, and whether there may be a cache on disk. */
export type LengthSettings = Partial<Pick<ResolvedConfig, "steps" | "seconds" | "cache">>;

/** What a run does besides its steps, in seconds. */
export interface FixedTime {
  /** Cores that decode the pictures of the steps cannot train meanwhile. */
  readonly decoding: number;
  /** What is done before the first step: measuring the colours, fitting the tokenizer, and counting its words. */
  readonly preparation: number;
  /** The last checkpoint, the encoder and the report. */
  readonly report: number;
}

const assumedDecoding = 0.003;
/** Pictures whose colours are measured (`measureNormalization`). */
const measuredPictures = 1000;
/** Pictures whose patches are counted after fitting, and those that a report looks at. */
const countedPatches = 65_536;
const reportPictures = 1024;
/** Fewest seconds for drawing a report's pictures, and for the files of the last checkpoint. */
const reportSeconds = 2;
/** What the steps spend on the optimizer, checkpoints and looks at the health figures, as a factor. */
export const besideProducts = 1.04;

/**
 * How long a step takes, in seconds: its operations at the machine's rates.
 *
 * @param settings Of the run.
 * @param rates Measured on this machine.
 */
export function stepTime(settings: StepSettings, rates: TrainingRates): number {
  const { blocks, words } = stepOperations(settings);
  return besideProducts * (blocks / rates.blocks + words / rates.words);
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
  {
    cache = "auto",
    imageSize,
    seconds = null,
    steps = null,
  }: LengthSettings & { readonly imageSize: number },
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
  const keptShare = Math.min(1, mostKept / picturesBytes(pictures, 2 * imageSize));
  const decoding = { picturesPerStep: step.pictures, count, keptShare };
  const each = decodingTime(1, pictures, machine);
  const done = steps ?? stepsInTime(seconds! - besides, step.seconds, each, decoding);
  return decodingTime(decodedInSteps(done, decoding), pictures, machine);
}

/**
 * How long everything but the steps takes.
 *
 * @param settings Of the run.
 * @param pictures How many, and how long decoding takes.
 * @param machine Threads, rates and free memory.
 * @param onDisk Whether all pictures are decoded once for a cache on disk.
 */
export function fixedTime(
  settings: RunSettings,
  pictures: PictureFacts,
  machine: MachineFacts,
  onDisk = false,
): FixedTime {
  const { batch, tokenizer, tokenizerPatches, vocabulary, imageSize, width, depth, mean = null } = settings;
  const { patches, tokenizerPatch } = stepSizes(settings);
  const decode = (count: number) => decodingTime(count, pictures, machine);
  const looked = Math.min(reportPictures, pictures.count);
  // Where few patches are taken of each crop (`placesPerPicture`).
  const perCrop = Math.min(
    patches,
    Math.max(1, Math.ceil(tokenizerPatches / Math.max(pictures.count, 1024))),
  );
  const fitted = tokenizer === "random-projection" ? 0 : tokenizerPatches / perCrop;
  // First centroids, then at most twenty iterations of Lloyd's algorithm.
  const products = tokenizer === "k-means" ? 3 + 2 * 20 : 0;
  const clustering =
    (products * tokenizerPatches * vocabulary * 3 * tokenizerPatch ** 2) / machine.rates.words;
  const encoding =
    (2 * looked * patches * depth * (24 * width ** 2 + 4 * width * patches)) / machine.rates.blocks;
  const drawing = reportSeconds * (1 + (imageSize / 224) ** 2);
  // Each of these decodes a picture once, however many crops it takes of it.
  const passes = [mean === null ? measuredPictures : 0, fitted, countedPatches / patches];
  const sampled = passes.reduce((sum, wanted) => sum + Math.min(pictures.count, wanted), 0);
  const preparation = decode(sampled) + clustering;
  const report = drawing + decode(looked) + encoding;
  const step = { seconds: stepTime(settings, machine.rates), pictures: batch };
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
