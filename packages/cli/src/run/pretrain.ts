import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeSafetensors } from "@splitmask/autograd";
import {
  defaultDecodeSize,
  type ImageDataset,
  limitSkipped,
  measureNormalization,
  type SkippedPicture,
  TooManySkippedError,
} from "@splitmask/data";
import { createDevice, type Device } from "@splitmask/kernels";
import type { SplitMask } from "@splitmask/methods";
import { loadTokenizer, type Tokenizer } from "@splitmask/tokenizer";
import {
  BatchError,
  latestCheckpoint,
  RunFolder,
  type TrainingEvent,
  type TrainResult,
  train,
} from "@splitmask/trainer";
import type { Config } from "../config/config.js";
import { formatDuration } from "../config/duration.js";
import { defaultMaximumSkipped, type PictureFacts, type ResolvedConfig } from "../config/resolve.js";
import { UsageError } from "../errors.js";
import { fixedTime, timeForSteps } from "../estimate/runTime.js";
import { printable } from "../terminal/printable.js";
import { progressLine } from "../terminal/progressLine.js";
import type { Terminal } from "../terminal/terminal.js";
import { checkResume, describedBy, type RunDescription, readRun } from "./description.js";
import { openDiskCache } from "./diskCache.js";
import { fitTokenizer } from "./fitTokenizer.js";
import { createMethod } from "./method.js";
import { type ScannedPictures, scanPictures } from "./pictures.js";
import { estimateText, planRun, tellChoices, warnOfMemory } from "./plan.js";
import { trainingBatches, trainingOptions, trainingViews } from "./training.js";

/** What to pre-train, and where. */
export interface PretrainRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** Run folder to write. */
  readonly out: string;
  /** The fields that are given; the rest is chosen. */
  readonly config?: Config;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface PretrainResult {
  /** The run folder. */
  readonly run: string;
  /** `"interrupted"`: the signal ended the run early. */
  readonly reason: "done" | "interrupted";
  /** Steps done, those before a resume included. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Total loss of the first step, and its mean over the last fiftieth of the steps. */
  readonly loss: {
    /** At the first step. */
    readonly start: number;
    /** At the end. */
    readonly end: number;
  };
  /** Median over the last steps; null for very short runs. */
  readonly imagesPerSecond: number | null;
  /** Share of the time from the third step on, 0 to 1, that the device had nothing to do because a batch was not ready; null for very short runs. */
  readonly waitingShare: number | null;
  /** Time that this call trained, in seconds. */
  readonly seconds: number;
  /** Folder of the last checkpoint; null where none was written. */
  readonly checkpoint: string | null;
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/** Name of the tokenizer's file in a run folder. */
export const tokenizerFile = "tokenizer.safetensors";

/** Name of the encoder's weights in a finished run folder, with timm's names. */
export const encoderFile = "encoder.safetensors";

/**
 * Pre-trains an encoder on a folder of pictures: decides the settings, fits the tokenizer, trains, and leaves everything in the run folder. What fails before the first
 * checkpoint leaves no run folder behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where there are no pictures, or the run folder cannot be written.
 */
export async function pretrain(request: PretrainRequest, terminal: Terminal): Promise<PretrainResult> {
  const started = performance.now();
  const { out, config: given = {}, resume = false, overwrite = false } = request;
  if (resume && overwrite)
    throw new UsageError("--resume and --overwrite contradict each other: give one of them.");
  const exists = existsSync(join(out, "config.json"));
  if (exists && !resume && !overwrite) {
    throw new UsageError(
      `${out} already holds a run. Go on with it with --resume, start it anew with --overwrite (its files are deleted), or give another --out.`,
    );
  }
  if (resume && !exists)
    throw new UsageError(
      `--resume: ${out} is not a run folder (there is no config.json). Leave --resume out to start a run.`,
    );
  const scanned = await scanPictures(
    request.folder,
    terminal,
    resume ? { ...(await readRun(out)).description.config, ...given } : given,
  );
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    return resume
      ? await resumeRun(device, request, given, scanned, terminal)
      : await startRun(device, request, given, scanned, exists, started, terminal);
  } finally {
    device.close();
    await scanned.dataset.close?.();
  }
}

async function startRun(
  device: Device,
  request: PretrainRequest,
  given: Config,
  scanned: ScannedPictures,
  exists: boolean,
  started: number,
  terminal: Terminal,
): Promise<PretrainResult> {
  const { out } = request;
  const { facts, unreadable } = scanned;
  const plan = await planRun(device, given, scanned);
  const { choices, config } = plan;
  let run: RunFolder | null = null;
  const dataset = limitSkipped(scanned.dataset, {
    maximumSkipped: config.maximumSkipped,
    onSkipped: (picture) => run?.appendSkipped([picture]),
  });
  const measured =
    config.mean !== null && config.std !== null
      ? { mean: config.mean, std: config.std }
      : await measureNormalization(dataset, { device, seed: config.seed });
  const description: RunDescription = {
    format: 1,
    method: "splitmask",
    pictures: resolve(request.folder),
    pictureCount: facts.count,
    config,
    given,
    mean: measured.mean,
    std: measured.std,
    choices: [
      ...choices,
      {
        name: "mean and std",
        value: [measured.mean, measured.std]
          .map((numbers) => numbers.map((value) => value.toFixed(3)).join(" "))
          .join(" / "),
        reason: config.mean !== null ? "given" : "measured on a sample of the pictures",
      },
    ],
  };
  tellChoices(request.folder, scanned, description.choices, terminal);
  for (const text of estimateText(plan, terminal)) terminal.line(text);
  warnOfMemory(plan, terminal);
  if (unreadable.length > 0)
    terminal.warn(
      `${unreadable.length} of the pictures looked at cannot be read, e.g. ${printable(unreadable[0]!.path)}: ${unreadable[0]!.reason}`,
    );

  if (exists) await rm(out, { recursive: true });
  run = await RunFolder.create(out, description);
  run.appendSkipped(dataset.skipped());
  let result: PretrainResult | null = null;
  try {
    const tokenizer = await makeTokenizerFile(device, out, config, dataset, request.signal, terminal);
    const task = createMethod(device, config, tokenizer);
    const besides = fixedTime(config, plan.pictures, plan.machine);
    result = await trainRun(
      device,
      run,
      description,
      task,
      dataset,
      facts,
      request,
      false,
      terminal,
      (decoded) => timeForSteps(config.seconds! - (performance.now() - started) / 1000, besides, decoded),
    );
    return result;
  } finally {
    await run.close();
    if (result === null && (await latestCheckpoint(run.checkpointsPath)) === null)
      await rm(out, { recursive: true, force: true });
  }
}

/** Fits the run's tokenizer and leaves it in the run folder. */
async function makeTokenizerFile(
  device: Device,
  out: string,
  config: ResolvedConfig,
  dataset: ImageDataset,
  signal: AbortSignal | undefined,
  terminal: Terminal,
): Promise<Tokenizer> {
  const { tokenizer, statistics, patches } = await fitTokenizer(
    device,
    dataset,
    config,
    ({ doing, done, total }) =>
      terminal.progress(`tokenizer: ${doing} ${Math.floor((100 * done) / total)} %`),
    signal,
  );
  terminal.endProgress();
  terminal.line(
    `${terminal.style.bold("tokenizer")}: ${config.vocabulary} words, entropy ${statistics.entropyBits.toFixed(2)} of ${Math.log2(config.vocabulary).toFixed(2)} bits ` +
      `(as many as ${Math.round(statistics.perplexity)} words used evenly), ${statistics.deadWords} words without any of ${patches} patches`,
  );
  await tokenizer.save(join(out, tokenizerFile));
  return tokenizer;
}

async function resumeRun(
  device: Device,
  request: PretrainRequest,
  given: Config,
  { dataset: pictures, facts }: ScannedPictures,
  terminal: Terminal,
): Promise<PretrainResult> {
  const run = await RunFolder.open(request.out);
  try {
    const description = describedBy(run);
    checkResume(description, given, resolve(request.folder));
    if (description.pictureCount !== pictures.length) {
      throw new UsageError(
        `--resume: the run was started with ${description.pictureCount} pictures and ${request.folder} now holds ${pictures.length}. Put them back, or start a new run in another folder.`,
      );
    }
    const changed = {
      ...description,
      config: {
        ...description.config,
        checkpointEvery: given.checkpointEvery ?? description.config.checkpointEvery,
        keepCheckpoints: given.keepCheckpoints ?? description.config.keepCheckpoints ?? 2,
        healthEvery: given.healthEvery ?? description.config.healthEvery ?? 50,
        onNan: given.onNan ?? description.config.onNan ?? "stop",
        recompute: given.recompute ?? description.config.recompute,
        cache: given.cache ?? description.config.cache ?? "auto",
        cacheFolder: given.cacheFolder ?? description.config.cacheFolder ?? null,
        maximumSkipped: given.maximumSkipped ?? description.config.maximumSkipped ?? defaultMaximumSkipped,
      },
    };
    const dataset = limitSkipped(pictures, {
      maximumSkipped: changed.config.maximumSkipped,
      onSkipped: (picture) => run.appendSkipped([picture]),
    });
    // A run that was killed before its tokenizer was there fits it as it would have.
    const file = join(request.out, tokenizerFile);
    const tokenizer = existsSync(file)
      ? await loadTokenizer(device, file)
      : await makeTokenizerFile(device, request.out, changed.config, dataset, request.signal, terminal);
    const task = createMethod(device, changed.config, tokenizer);
    return await trainRun(device, run, changed, task, dataset, facts, request, true, terminal, () =>
      Math.max(1, changed.config.seconds!),
    );
  } finally {
    await run.close();
  }
}

/** Trains, from the first step or from the last checkpoint. */
async function trainRun(
  device: Device,
  run: RunFolder,
  { config, mean, std }: RunDescription,
  task: SplitMask,
  dataset: ImageDataset,
  facts: PictureFacts,
  request: PretrainRequest,
  resume: boolean,
  terminal: Terminal,
  secondsLeft: (decoded: boolean) => number,
): Promise<PretrainResult> {
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const disk = await openDiskCache(
    device,
    dataset,
    { config, facts, decodeSize: defaultDecodeSize(trainingViews({ config, mean, std })), ...signal },
    terminal,
  );
  const loader = trainingBatches(
    device,
    dataset,
    { config, mean, std },
    disk === null ? {} : { cache: disk },
  );
  try {
    const result = await train({
      device,
      task,
      batches: loader,
      length: config.steps !== null ? { steps: config.steps } : { seconds: secondsLeft(disk !== null) },
      ...trainingOptions(config),
      runFolder: run,
      resume,
      checkpointEvery: config.checkpointEvery,
      keepCheckpoints: config.keepCheckpoints,
      healthEvery: config.healthEvery,
      nonFinite: { action: config.onNan },
      ...signal,
      onEvent: (event) => tell(event, terminal),
    });
    if (result.reason === "done") {
      const write = () => writeEncoder(join(run.path, encoderFile), task, { mean, std });
      await (result.average === null ? write() : result.average.withAverages(write));
    }
    return {
      run: request.out,
      reason: result.reason,
      step: result.step,
      steps: result.steps,
      loss: await lossesOf(run, result),
      imagesPerSecond: result.imagesPerSecond,
      waitingShare: result.waitingShare,
      seconds: result.seconds,
      checkpoint: result.checkpoint,
      skipped: await run.readSkipped(),
    };
  } catch (error) {
    const latest = await latestCheckpoint(run.checkpointsPath);
    const { cause } = error as Error;
    if (!(error instanceof BatchError) || latest === null) {
      throw error instanceof BatchError && cause instanceof TooManySkippedError ? cause : error;
    }
    const listed =
      cause instanceof TooManySkippedError
        ? ` They are listed in ${join(request.out, "skipped.jsonl")}.`
        : "";
    throw new Error(
      `${cause instanceof Error ? cause.message : error.message}${listed} The last checkpoint is of step ${latest.step}: go on with --resume.`,
      { cause: error },
    );
  } finally {
    loader.close();
    disk?.close();
  }
}

/** Writes the encoder's weights under timm's names, with what a reader needs to know of them. */
async function writeEncoder(
  path: string,
  { model }: SplitMask,
  normalization: Pick<RunDescription, "mean" | "std">,
): Promise<void> {
  const { encoder } = model;
  await writeSafetensors(path, await encoder.hostStateDict(), {
    format: "pt",
    config: JSON.stringify(encoder.config),
    normalization: JSON.stringify(normalization),
  });
}

function tell(event: TrainingEvent, terminal: Terminal): void {
  switch (event.type) {
    case "resume":
      terminal.line(`going on after step ${event.step}`);
      break;
    case "damaged":
      terminal.warn(`the checkpoint ${event.path} is damaged and is passed over: ${event.reason}`);
      break;
    case "nonFinite":
      terminal.warn(
        `${event.error.message} ${event.action === "skip" ? "The step is left out" : `The run goes back to step ${event.nextStep} with a lower learning rate`}.`,
      );
      break;
    case "warning":
      terminal.warn(
        `step ${event.step}: ${event.figure} is ${event.value.toPrecision(3)}, ${event.value < event.level ? "below" : "above"} ${event.level.toPrecision(3)}. ${event.advice}`,
      );
      break;
    case "plan":
      terminal.endProgress();
      terminal.line(
        `${event.steps} steps fit in the time (${(event.secondsPerStep * 1000).toFixed(0)} ms a step)`,
      );
      break;
    case "step":
      terminal.progress(
        progressLine(event, terminal.live ? terminal.width : null),
        event.step === 1 || event.step === event.steps,
      );
      break;
    case "stop":
    case "done":
      terminal.endProgress();
      break;
    default:
      break;
  }
}

/** The first step's total loss and the mean over the last fiftieth of the steps, from the run's metrics. */
async function lossesOf(run: RunFolder, result: TrainResult): Promise<{ start: number; end: number }> {
  const metrics = await run.readMetrics();
  const totals = metrics.map((record) => record.losses.total ?? Number.NaN);
  const last = totals.slice(-Math.max(1, Math.floor(totals.length / 50)));
  return {
    start: totals[0] ?? result.firstLosses?.total ?? Number.NaN,
    end: last.reduce((sum, value) => sum + value, 0) / Math.max(1, last.length),
  };
}

/** A line about the end of a run. */
export function summaryOf(result: PretrainResult): string {
  const speed = result.imagesPerSecond === null ? "" : `, ${Math.round(result.imagesPerSecond)} pictures/s`;
  const waiting =
    result.waitingShare === null
      ? ""
      : `, ${(100 * result.waitingShare).toFixed(1)} % of the time waiting for data`;
  return `${result.step} of ${result.steps} steps in ${formatDuration(result.seconds)}${speed}${waiting}; loss ${result.loss.start.toFixed(3)} → ${result.loss.end.toFixed(3)}`;
}
