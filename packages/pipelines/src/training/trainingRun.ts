import { defaultDecodeSize, type ImageDataset, limitSkipped } from "@splitmask/data";
import type { PretrainingTask } from "@splitmask/methods";
import { RunFolder, type TimeLimit } from "@splitmask/trainer";
import { type EstimatedRun, estimateRun } from "../estimate/runEstimate.js";
import { timeLimitOf } from "../estimate/runTime.js";
import { examineMachine } from "../machine/machine.js";
import { withDevice } from "../machine/withDevice.js";
import { openDiskCache } from "../pictures/diskCache.js";
import { withPictures } from "../pictures/openFiles.js";
import { tellUnreadable } from "../pictures/scanPictures.js";
import { checkResume, describedBy, type RunDescription, readRun } from "../runs/description.js";
import { checkOutFolder, withNewRun } from "../runs/outFolder.js";
import { checkpointRhythm } from "../settings/resolveLength.js";
import type { RunSettings } from "../settings/runSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import { estimateText, warnOfShortage } from "./plan.js";
import { planRun } from "./planRun.js";
import type { RunContext, RunKind, RunPlan, TrainingRequest, Watch } from "./runKind.js";
import { secondsSince, type TrainedRun, trainInFolder } from "./trainedRun.js";
import { trainingLoop } from "./trainingLoop.js";

/**
 * Trains: decides the settings, makes what the method needs, trains, and leaves everything in the run folder; or goes
 * on with a run. What fails before the first checkpoint leaves no run folder behind.
 *
 * @param kind The kind of run.
 * @param request What and where.
 * @param terminal Where it is told.
 */
export async function trainingRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  request: TrainingRequest,
  terminal: Terminal,
): Promise<TrainedRun & Outcome> {
  const started = performance.now();
  const { out, resume } = request;
  const exists = checkOutFolder(out, request);
  const before = resume ? (await readRun(out, kind.name)).description : null;
  const description = before as RunDescription<Settings> | null;
  return withContext(kind, request, description, terminal, (context) =>
    resume ? resumeRun(kind, context, started) : startRun(kind, context, exists, started),
  );
}

/** Plans a run, without training or writing anything, and tells what was decided. */
export async function plannedRun<Settings extends RunSettings>(
  kind: RunKind<Settings, unknown>,
  request: TrainingRequest,
  terminal: Terminal,
): Promise<RunPlan<Settings>> {
  return withContext(kind, request, null, terminal, async (context) => {
    const plan = await planRun(kind, context);
    kind.tell(context, plan.choices);
    return plan;
  });
}

/** Opens pictures and device, and closes them behind some work. */
async function withContext<Settings extends RunSettings, Result>(
  kind: RunKind<Settings, unknown>,
  request: TrainingRequest,
  description: RunDescription<Settings> | null,
  terminal: Terminal,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const pictures = await kind.open(description, terminal);
  return withPictures([pictures.train.dataset, pictures.test], () =>
    withDevice(request.config.threads, (device) => work({ device, request, pictures, terminal })),
  );
}

async function startRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  context: RunContext,
  exists: boolean,
  started: number,
): Promise<TrainedRun & Outcome> {
  const { pictures, request, terminal } = context;
  const plan = await planRun(kind, context);
  const { config } = plan;
  let run: RunFolder | null = null;
  const dataset = limitSkipped(pictures.train.dataset, {
    maximumSkipped: config.maximumSkipped,
    onSkipped: (picture) => run?.appendSkipped([picture]),
  });
  const described = await kind.describe(context, plan, dataset);
  kind.tell(context, described.choices);
  for (const text of estimateText(plan, terminal)) terminal.line(text);
  warnOfShortage(plan, terminal);
  tellUnreadable(pictures.train.unreadable, terminal);
  const watch = await kind.watch(context, { ...described, monitorIdentities: [], warnings: [] });
  try {
    const { identities: monitorIdentities, warnings } = watch;
    const description: RunDescription<Settings> = { ...described, monitorIdentities, warnings };
    return await withNewRun(request.out, { exists, description }, async (made) => {
      run = made;
      run.appendSkipped(dataset.skipped());
      const task = await kind.create(context, description, dataset, run);
      const training = { run, description, task, dataset, watch, estimated: plan, started };
      return trainRun(kind, context, training);
    });
  } finally {
    await watch.close();
  }
}

async function resumeRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  context: RunContext,
  started: number,
): Promise<TrainedRun & Outcome> {
  const { pictures, request } = context;
  const run = await RunFolder.open(request.out);
  let watch: Watch<Outcome> | null = null;
  try {
    const before = describedBy(run, kind.name) as unknown as RunDescription<Settings>;
    checkResume(before, request.config, kind.fields);
    const moved = await kind.resume(context, before);
    const config = { ...moved.config, ...kind.changed(moved) };
    const description = { ...moved, config };
    const dataset = limitSkipped(pictures.train.dataset, {
      maximumSkipped: config.maximumSkipped,
      onSkipped: (picture) => run.appendSkipped([picture]),
    });
    watch = await kind.watch(context, description);
    if (JSON.stringify(moved) !== JSON.stringify(before)) await run.rewriteConfig({ ...moved });
    const task = await kind.create(context, description, dataset, run);
    const estimated = config.seconds === null ? null : await estimateNow(kind, context, description);
    return await trainRun(kind, context, { run, description, task, dataset, watch, estimated, started });
  } finally {
    await watch?.close();
    await run.close();
  }
}

/** What a run takes on the machine as it is now. */
async function estimateNow<Settings extends RunSettings>(
  kind: RunKind<Settings, unknown>,
  context: RunContext,
  description: RunDescription<Settings>,
): Promise<EstimatedRun> {
  const machine = await examineMachine(context.device);
  const work = await kind.work(context, description, machine);
  return estimateRun(description.config, work, context.pictures.train.facts, machine, false);
}

/** What is trained, and where. */
interface Training<Settings extends RunSettings, Outcome> {
  readonly run: RunFolder;
  readonly description: RunDescription<Settings>;
  readonly task: PretrainingTask;
  readonly dataset: ImageDataset;
  readonly watch: Watch<Outcome>;
  /** Null where the run has no time limit. */
  readonly estimated: EstimatedRun | null;
  /** When the call began, in milliseconds. */
  readonly started: number;
}

/** Trains, from the first step or from the last checkpoint. */
async function trainRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  { device, pictures, request, terminal }: RunContext,
  { run, description, task, dataset, watch, estimated, started }: Training<Settings, Outcome>,
): Promise<TrainedRun & Outcome> {
  const { config, given } = description;
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const disk = await openDiskCache(
    device,
    dataset,
    {
      config,
      facts: pictures.train.facts,
      decodeSize: defaultDecodeSize([...kind.views(description)]),
      ...signal,
    },
    terminal,
  );
  let batches: ReturnType<typeof kind.batches> | null = null;
  const timeLimit = (): TimeLimit => {
    const { estimate, evaluationSeconds, fixed } = estimated!;
    // Where the trainer evaluates, it keeps the time of the last evaluation back itself.
    const report = fixed.report - evaluationSeconds;
    return timeLimitOf(
      config.seconds!,
      secondsSince(started),
      { ...fixed, report },
      disk !== null,
      estimate.secondsPerStep,
    );
  };
  try {
    batches = kind.batches(device, dataset, description, disk === null ? {} : { cache: disk });
    const trained = await trainInFolder(
      {
        ...trainingLoop(config, kind.betas),
        ...{ device, task, batches, runFolder: run },
        length: config.steps !== null ? { steps: config.steps } : timeLimit(),
        resume: request.resume,
        checkpointEvery: checkpointRhythm(config, { ...given, ...request.config }),
        keepCheckpoints: config.keepCheckpoints,
        ...("healthEvery" in config ? { healthEvery: config.healthEvery } : {}),
        ...watch.options(task),
        ...signal,
      },
      ({ step }) => watch.finish(task, run, step),
      terminal,
    );
    return { ...trained, run: request.out, ...watch.outcome() };
  } finally {
    batches?.close();
    disk?.close();
  }
}
