import { resolve } from "node:path";
import { defaultDecodeSize, type ImageDataset, limitSkipped } from "@splitmask/data";
import { lastMean } from "@splitmask/report";
import { BatchError, RunFolder, train } from "@splitmask/trainer";
import { timeLimitOf } from "../estimate/runEstimate.js";
import { withDevice } from "../machine/withDevice.js";
import { openDiskCache } from "../pictures/diskCache.js";
import { withPictures } from "../pictures/openFiles.js";
import { checkSamePictures, identityOf, type RecordedPictures } from "../pictures/samePictures.js";
import { tellUnreadable } from "../pictures/scanPictures.js";
import { checkResume, describedBy, preparedSettings, type RunDescription } from "../runs/description.js";
import { checkOutFolder, withNewRun } from "../runs/outFolder.js";
import { checkpointRhythm } from "../settings/resolveLength.js";
import type { RunSettings } from "../settings/runSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import { estimateText, planRun, tellDecisions, warnOfShortage } from "./plan.js";
import type { RunContext, RunKind, RunPlan, RunRequest, Watch } from "./runKind.js";
import { trainingLoop } from "./runStep.js";
import { batchFailure, type TrainedRun, trainingTeller } from "./trainedRun.js";

/**
 * Trains: decides the settings, makes what the method needs, trains, and leaves everything in the run folder; or goes
 * on with a run. What fails before the first checkpoint leaves no run folder behind.
 */
export async function trainingRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  request: RunRequest,
  terminal: Terminal,
): Promise<TrainedRun & Outcome> {
  const { out, overwrite = false, resume = false } = request;
  const exists = checkOutFolder(out, { resume, overwrite });
  if (!resume) return withRun(kind, request, null, terminal, (run) => run.start(exists));
  const folder = await RunFolder.open(out);
  try {
    const before = describedBy(folder, kind.name) as unknown as RunDescription<Settings>;
    return await withRun(kind, request, before, terminal, (run) => run.resume(folder, before));
  } finally {
    await folder.close();
  }
}

/** Decides the settings and makes the run folder, without training. */
export async function createdRun<Settings extends RunSettings, Outcome>(
  kind: RunKind<Settings, Outcome>,
  request: RunRequest,
  terminal: Terminal,
): Promise<void> {
  checkOutFolder(request.out, { resume: false, overwrite: false });
  await withRun(kind, request, null, terminal, (run) => run.create());
}

/** Plans a run, without training or writing anything, and tells what was decided. */
export async function plannedRun<Settings extends RunSettings>(
  kind: RunKind<Settings, unknown>,
  out: string | undefined,
  terminal: Terminal,
): Promise<RunPlan<Settings>> {
  return withRun(kind, { out: out ?? "." }, null, terminal, async ({ context }) => {
    const plan = await planRun(kind, context);
    tellDecisions(kind.paths, context, plan.choices);
    warnOfShortage(plan, terminal);
    return plan;
  });
}

/** Opens pictures and device, and closes them behind some work. */
async function withRun<Settings extends RunSettings, Outcome, Result>(
  kind: RunKind<Settings, Outcome>,
  request: RunRequest,
  before: RunDescription<Settings> | null,
  terminal: Terminal,
  work: (run: TrainingRun<Settings, Outcome>) => Promise<Result>,
): Promise<Result> {
  const started = performance.now();
  const pictures = await kind.open(before, terminal);
  return withPictures([pictures.train.dataset, pictures.test], () =>
    withDevice(kind.given.threads, (device) =>
      work(new TrainingRun(kind, { device, request, pictures, terminal, started })),
    ),
  );
}

/** A run with its pictures and its device. */
class TrainingRun<Settings extends RunSettings, Outcome> {
  readonly #kind: RunKind<Settings, Outcome>;
  readonly context: RunContext;

  constructor(kind: RunKind<Settings, Outcome>, context: RunContext) {
    this.#kind = kind;
    this.context = context;
  }

  async start(exists: boolean): Promise<TrainedRun & Outcome> {
    const context = this.context;
    const kind = this.#kind;
    const { pictures, request, terminal } = context;
    const plan = await planRun(kind, context);
    let folder: RunFolder | null = null;
    const dataset = this.#readable(plan.config, () => folder);
    const described = await this.#describe(plan, dataset);
    tellDecisions(kind.paths, context, described.choices);
    for (const text of estimateText(plan, terminal)) terminal.line(text);
    warnOfShortage(plan, terminal);
    tellUnreadable(pictures.train.unreadable, terminal);
    const watch = await kind.watch(context, described);
    try {
      const description = { ...described, monitorIdentities: watch.identities, warnings: watch.warnings };
      return await withNewRun(request.out, { exists, description }, async (made) => {
        folder = made;
        folder.appendSkipped(dataset.skipped());
        return this.#train(folder, description, dataset, watch, plan);
      });
    } finally {
      await watch.close();
    }
  }

  async create(): Promise<void> {
    const { request, terminal } = this.context;
    const plan = await planRun(this.#kind, this.context);
    const described = await this.#describe(
      plan,
      this.#readable(plan.config, () => null),
    );
    tellDecisions(this.#kind.paths, this.context, described.choices);
    tellUnreadable(this.context.pictures.train.unreadable, terminal);
    await (await RunFolder.create(request.out, described)).close();
  }

  async resume(folder: RunFolder, before: RunDescription<Settings>): Promise<TrainedRun & Outcome> {
    const context = this.context;
    const kind = this.#kind;
    const { given, method, methodFile } = kind;
    checkResume(before, { ...given, method }, kind.fields);
    const places = await this.#samePictures(before);
    const moved = { ...before, methodFile, ...places, ...(await kind.resume(context, before)) };
    const config = { ...moved.config, ...kind.changed(moved) };
    const description = { ...moved, config };
    const dataset = this.#readable(config, () => folder);
    const watch = await kind.watch(context, description);
    try {
      if (JSON.stringify(moved) !== JSON.stringify(before)) await folder.rewriteConfig({ ...moved });
      const plan = config.seconds === null ? null : await planRun(kind, context, description);
      return await this.#train(folder, description, dataset, watch, plan);
    } finally {
      await watch.close();
    }
  }

  /** The pictures to learn from, of which so many may be bad; these are noted in the folder once there is one. */
  #readable({ maximumSkipped }: Settings, folder: () => RunFolder | null) {
    return limitSkipped(this.context.pictures.train.dataset, {
      maximumSkipped,
      onSkipped: (picture) => folder()?.appendSkipped([picture]),
    });
  }

  /** What the run folder is going to hold, but for what the run is watched with. */
  async #describe(
    { choices, config }: RunPlan<Settings>,
    dataset: ImageDataset,
  ): Promise<RunDescription<Settings>> {
    const { given, method, methodFile, name, paths } = this.#kind;
    const { classes, test, train } = this.context.pictures;
    const { measured, ...model } = await this.#kind.describe(this.context, config, dataset);
    const recorded = async (path: string, pictures: ImageDataset) => ({
      path: resolve(path),
      identity: await identityOf(pictures),
    });
    return {
      format: 1,
      ...{ kind: name, method, methodFile, ...model },
      pictures: await recorded(paths.train, train.dataset),
      test: test === null ? null : await recorded(paths.test ?? paths.train, test),
      pictureCount: train.facts.count,
      ...{ classes, config, given },
      choices: measured === undefined ? choices : [...choices, measured],
      monitorIdentities: [],
      warnings: [],
    };
  }

  /** Checks that a run goes on with the pictures that it was started with; gives the places where they are now. */
  async #samePictures(before: RunDescription): Promise<Pick<RunDescription, "pictures" | "test">> {
    const { paths } = this.#kind;
    const { pictures, terminal } = this.context;
    const { test, train } = pictures;
    const same = async (what: string, recorded: RecordedPictures, path: string, dataset: ImageDataset) => {
      await checkSamePictures(what, recorded, { path, dataset }, terminal, before.classes.length > 0);
      return { ...recorded, path: resolve(path) };
    };
    const what = test === null ? "the pictures" : "the training pictures";
    return {
      pictures: await same(what, before.pictures, paths.train, train.dataset),
      test:
        test === null ? null : await same("the test pictures", before.test!, paths.test ?? paths.train, test),
    };
  }

  /** Trains, from the first step or from the last checkpoint; a run without a time limit needs no plan. */
  async #train(
    folder: RunFolder,
    description: RunDescription<Settings>,
    dataset: ImageDataset,
    watch: Watch<Outcome>,
    plan: RunPlan | null,
  ): Promise<TrainedRun & Outcome> {
    const context = this.context;
    const kind = this.#kind;
    const { device, pictures, request, started, terminal } = context;
    const { config, given } = description;
    const step = kind.step(description);
    const settings = preparedSettings(description);
    const signal = request.signal === undefined ? {} : { signal: request.signal };
    const tell = trainingTeller(terminal);
    const task = await kind.create(context, description, dataset, folder);
    const decodeSize = defaultDecodeSize(step.views(settings));
    const cacheRequest = { config, facts: pictures.train.facts, decodeSize, ...signal };
    const disk = await openDiskCache(device, dataset, cacheRequest, terminal);
    let batches: ReturnType<typeof step.batches> | null = null;
    try {
      batches = step.batches(device, dataset, settings, disk === null ? {} : { cache: disk });
      const { seconds, steps } = config;
      const elapsed = (performance.now() - started) / 1000;
      const {
        average,
        firstLosses,
        lastLosses: _,
        ...trained
      } = await train({
        ...trainingLoop(config, step),
        ...{ device, task, batches, runFolder: folder },
        length: steps !== null ? { steps } : timeLimitOf(seconds!, elapsed, plan!, disk !== null),
        resume: request.resume ?? false,
        checkpointEvery: checkpointRhythm(config, { ...given, ...kind.given }),
        keepCheckpoints: config.keepCheckpoints,
        ...("healthEvery" in config ? { healthEvery: config.healthEvery } : {}),
        ...watch.options(task),
        ...signal,
        onEvent(event) {
          tell(event);
          request.onEvent?.(event);
        },
      });
      const finish = () => watch.finish(task, folder, trained.step);
      const outcome =
        trained.reason === "interrupted"
          ? watch.interrupted
          : await (average?.withAverages(finish) ?? finish());
      const totals = (await folder.readMetrics()).map(({ losses }) => losses.total ?? Number.NaN);
      return {
        ...{ run: request.out, ...trained },
        loss: {
          start: totals[0] ?? firstLosses?.total ?? Number.NaN,
          end: totals.length === 0 ? 0 : lastMean({ values: totals }),
        },
        skipped: await folder.readSkipped(),
        ...outcome,
      };
    } catch (error) {
      throw error instanceof BatchError ? await batchFailure(error, folder) : error;
    } finally {
      batches?.close();
      disk?.close();
    }
  }
}
