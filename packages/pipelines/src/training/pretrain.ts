import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultDecodeSize, type ImageDataset, limitSkipped, measureNormalization } from "@splitmask/data";
import { createDevice, type Device } from "@splitmask/kernels";
import type { SplitMask } from "@splitmask/methods";
import { loadTokenizer } from "@splitmask/tokenizer";
import { RunFolder, type TimeLimit } from "@splitmask/trainer";
import { fixedTime, stepTime, timeLimitOf } from "../estimate/runTime.js";
import { examineMachine } from "../machine/machine.js";
import { openDiskCache } from "../pictures/diskCache.js";
import { checkSamePictures, identityOf } from "../pictures/samePictures.js";
import { type ScannedPictures, scanPictures, tellUnreadable } from "../pictures/scanPictures.js";
import {
  changedSettings,
  checkResume,
  describedBy,
  type RunDescription,
  readRun,
} from "../runs/description.js";
import { encoderFile, writeEncoder } from "../runs/encoderFile.js";
import { checkOutFolder, withNewRun } from "../runs/outFolder.js";
import { makeTokenizerFile, tokenizerFile } from "../runs/tokenizerFile.js";
import type { Config } from "../settings/config.js";
import type { PictureFacts, ResolvedConfig } from "../settings/resolve.js";
import { checkpointRhythm } from "../settings/resolveLength.js";
import { monitorRhythm } from "../settings/resolveMonitor.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { createMethod, encoderView } from "./method.js";
import { type MonitorPictures, monitorEvaluation, monitorFigure, openMonitor } from "./monitor.js";
import { estimateText, planRun, tellDecisions, warnOfShortage } from "./plan.js";
import { checkMonitor, monitorMoved } from "./resumedMonitor.js";
import { secondsSince, type TrainedRun, trainInFolder } from "./trainedRun.js";
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
export interface PretrainResult extends TrainedRun {
  /** Why the monitor's figures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/**
 * Pre-trains an encoder on a folder of pictures: decides the settings, fits the tokenizer, trains, and leaves
 * everything in the run folder. What fails before the first
 * checkpoint leaves no run folder behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where there are no pictures, or the run folder cannot be written.
 */
export async function pretrain(
  request: PretrainRequest,
  terminal: Terminal = silentTerminal,
): Promise<PretrainResult> {
  const started = performance.now();
  const { out, config: given = {}, resume = false, overwrite = false } = request;
  const exists = checkOutFolder(out, { resume, overwrite });
  const scanned = await scanPictures(request.folder, terminal, {
    ...(resume ? (await readRun(out)).description.config : {}),
    ...given,
    use: "pretraining",
  });
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    return resume
      ? await resumeRun(device, request, given, scanned, started, terminal)
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
  const plan = await planRun(device, given, scanned, out);
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
  const withoutMonitor: Omit<RunDescription, "monitorIdentities" | "warnings"> = {
    format: 1,
    method: "splitmask",
    pictures: resolve(request.folder),
    pictureCount: facts.count,
    identity: await identityOf(scanned.dataset),
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
  tellDecisions(request.folder, scanned, withoutMonitor.choices, terminal);
  for (const text of estimateText(plan, terminal)) terminal.line(text);
  warnOfShortage(plan, terminal);
  tellUnreadable(unreadable, terminal);

  const monitor = await openMonitor(config, terminal);
  try {
    const description: RunDescription = {
      ...withoutMonitor,
      monitorIdentities: (await monitor?.identities()) ?? [],
      warnings: monitor?.warnings ?? [],
    };
    return await withNewRun(out, { exists, description }, async (made) => {
      run = made;
      run.appendSkipped(dataset.skipped());
      const tokenizer = await makeTokenizerFile(device, out, config, dataset, request.signal, terminal);
      const task = createMethod(device, config, tokenizer);
      const besides = fixedTime(config, plan.pictures, plan.machine);
      const timeLimit = (decoded: boolean) =>
        timeLimitOf(config.seconds!, secondsSince(started), besides, decoded, plan.estimate.secondsPerStep);
      const shown = { dataset, facts, monitor, timeLimit };
      return trainRun(device, run, description, task, shown, request, false, terminal);
    });
  } finally {
    await monitor?.close();
  }
}

async function resumeRun(
  device: Device,
  request: PretrainRequest,
  given: Config,
  { dataset: pictures, facts }: ScannedPictures,
  started: number,
  terminal: Terminal,
): Promise<PretrainResult> {
  const run = await RunFolder.open(request.out);
  let monitor: MonitorPictures | null = null;
  try {
    const description = describedBy(run);
    checkResume(description, given);
    const { identity, pictures: path } = description;
    const present = { path: request.folder, dataset: pictures };
    await checkSamePictures("the pictures", { path, identity }, present, terminal);
    const place = resolve(request.folder);
    const changed = {
      ...description,
      pictures: place,
      config: {
        ...description.config,
        ...monitorMoved(description.config, { from: path, to: place }),
        ...changedSettings<ResolvedConfig>(given),
      },
    };
    const dataset = limitSkipped(pictures, {
      maximumSkipped: changed.config.maximumSkipped,
      onSkipped: (picture) => run.appendSkipped([picture]),
    });
    monitor = await openMonitor(changed.config, terminal);
    await checkMonitor(description, given, monitor, terminal);
    if (place !== path) {
      const { monitor: watched, monitorTest } = changed.config;
      const moved = { ...description.config, monitor: watched, monitorTest };
      await run.rewriteConfig({ ...description, pictures: place, config: moved });
    }
    // A run that was killed before its tokenizer was there fits it as it would have.
    const file = join(request.out, tokenizerFile);
    const tokenizer = existsSync(file)
      ? await loadTokenizer(device, file)
      : await makeTokenizerFile(device, request.out, changed.config, dataset, request.signal, terminal);
    const task = createMethod(device, changed.config, tokenizer);
    const { config } = changed;
    const machine = config.seconds === null ? null : await examineMachine(device, config.precision);
    const timeLimit = (decoded: boolean) =>
      timeLimitOf(
        config.seconds!,
        secondsSince(started),
        fixedTime(config, facts, machine!),
        decoded,
        stepTime(config, machine!.rates),
      );
    const shown = { dataset, facts, monitor, timeLimit };
    return await trainRun(device, run, changed, task, shown, request, true, terminal);
  } finally {
    await monitor?.close();
    await run.close();
  }
}

/** The pictures of a run. */
interface RunPictures {
  /** Those that it learns from. */
  readonly dataset: ImageDataset;
  /** Their number and size. */
  readonly facts: PictureFacts;
  /** Those that it is monitored with. */
  readonly monitor: MonitorPictures | null;
  /** The time of a timed run, with its pictures decoded already or not. */
  readonly timeLimit: (decoded: boolean) => TimeLimit;
}

/** Trains, from the first step or from the last checkpoint. */
async function trainRun(
  device: Device,
  run: RunFolder,
  { config, given, mean, std }: Pick<RunDescription, "config" | "given" | "mean" | "std">,
  task: SplitMask,
  { dataset, facts, monitor, timeLimit }: RunPictures,
  request: PretrainRequest,
  resume: boolean,
  terminal: Terminal,
): Promise<PretrainResult> {
  const chosen = { ...given, ...request.config };
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
  const { encoder } = task.model;
  const view = encoderView({ config, mean, std });
  const monitored =
    monitor === null
      ? {}
      : {
          evaluation: monitorEvaluation(
            device,
            encoder,
            view,
            monitor,
            monitorRhythm(config, chosen),
            terminal,
          ),
          keepBest: { figure: monitorFigure, better: "higher" } as const,
        };
  try {
    const trained = await trainInFolder(
      {
        device,
        task,
        batches: loader,
        length: config.steps !== null ? { steps: config.steps } : timeLimit(disk !== null),
        ...trainingOptions(config),
        runFolder: run,
        resume,
        checkpointEvery: checkpointRhythm(config, chosen),
        keepCheckpoints: config.keepCheckpoints,
        healthEvery: config.healthEvery,
        nonFinite: { action: config.onNan },
        ...monitored,
        ...signal,
      },
      () => writeEncoder(join(run.path, encoderFile), task, { mean, std }),
      terminal,
    );
    return { ...trained, run: request.out, warnings: monitor?.warnings ?? [] };
  } finally {
    loader.close();
    disk?.close();
  }
}
