import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type ImageDataset, ImageLoader, measureNormalization } from "@splitmask/data";
import { encoderConfig, encoderView, type Method, methods, type PretrainingTask } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { latestCheckpoint } from "@splitmask/trainer";
import { encoderFileName, saveEncoder } from "@splitmask/vit";
import { pretrainingWork } from "../estimate/runWork.js";
import { scanLabelled } from "../pictures/labelledPictures.js";
import { movedAlong } from "../pictures/samePictures.js";
import { scanPictures } from "../pictures/scanPictures.js";
import { changedSettings, preparedSettings, readRun } from "../runs/description.js";
import { type EncoderWeights, weightsHash } from "../runs/encoder.js";
import { methodOf } from "../runs/methodOf.js";
import { checkOutFolder } from "../runs/outFolder.js";
import type { Config } from "../settings/config.js";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import { pretrainingFields } from "../settings/fields.js";
import { loadMethod, methodReference } from "../settings/loadMethod.js";
import type { Normalization } from "../settings/normalization.js";
import { type Resolution, resolveConfig } from "../settings/resolve.js";
import { monitorRhythm } from "../settings/resolveMonitor.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { beginWith, initialChoice, readInitialEncoder, withInitialEncoder } from "./initialEncoder.js";
import { openMonitor } from "./monitor.js";
import type { Planned, RunContext, RunKind, RunPlan, RunRequest } from "./runKind.js";
import { pretrainingCosts, pretrainingStep, trainingAugmentation } from "./runStep.js";
import type { TrainedRun } from "./trainedRun.js";
import { createdRun, plannedRun, trainingRun } from "./trainingRun.js";

/** What to pre-train, and where. */
export interface PretrainRequest extends RunRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** The fields that are given; the rest is chosen. */
  readonly config?: Config;
}

/** What came of it. */
export interface PretrainResult extends TrainedRun {
  /** Why the monitor's figures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/**
 * Pre-trains an encoder on pictures, without labels unless the method learns their classes: decides the settings, makes
 * what the method needs (such as a tokenizer), trains, and leaves everything in the run folder. What fails before the
 * first checkpoint leaves no run folder behind.
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
  const { config = {}, folder, out, overwrite = false, resume = false } = request;
  checkOutFolder(out, { resume, overwrite }); // before a run that goes on is asked for its method
  return trainingRun(await pretrainingRun(folder, config, resume ? out : null), request, terminal);
}

/**
 * Decides every setting of a pre-training run and makes its run folder, without training: for the evaluation of the
 * untrained encoder (`untrained` of `evaluate`), and for training with labels from random weights (`fromScratch` of
 * `finetune`).
 *
 * @param request The pictures, the settings, and where the run folder is to be.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other, or the folder holds a run already.
 * @throws Error where there are no pictures, or the run folder cannot be written.
 */
export async function createRun(
  { config = {}, folder, out }: Pick<PretrainRequest, "config" | "folder" | "out">,
  terminal: Terminal = silentTerminal,
): Promise<void> {
  await createdRun(await pretrainingRun(folder, config, null), { out }, terminal);
}

/**
 * Decides every setting of a pre-training run and estimates what it takes, without training or writing anything.
 *
 * @param request What would be trained on.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other, or the memory does not suffice.
 * @throws Error where there are no pictures.
 */
export async function dryRun(
  { config = {}, folder, out }: Planned<PretrainRequest>,
  terminal: Terminal = silentTerminal,
): Promise<RunPlan<PretrainingSettings>> {
  return plannedRun(await pretrainingRun(folder, config, null), out, terminal);
}

/** What `decideSettings` gives: the settings with their reasons, and what they are for. */
export interface DecidedSettings extends Resolution {
  /** The method. */
  readonly method: Method;
}

/**
 * Decides every setting of a pre-training run, as `pretrain` does.
 *
 * @param given The fields that are given, the method among them.
 * @param pictures How many there are, and how large.
 * @param machine Its threads, memory and speed.
 * @throws UsageError where fields contradict each other, or the memory does not suffice.
 */
export async function decideSettings(
  { method: asked, ...given }: Config,
  pictures: PictureFacts,
  machine: MachineFacts,
): Promise<DecidedSettings> {
  const method = await loadMethod(asked);
  const costOf = pretrainingCosts(method, machine);
  const { architecture, given: begun } = await withInitialEncoder(given);
  const examined = (await method.examine?.(begun)) ?? begun;
  const question = { method, architecture, given: examined, pictures, machine, costOf };
  return { method, ...(await resolveConfig(question)) };
}

/** Runs of pre-training; one that goes on has its method from its folder. */
async function pretrainingRun(
  folder: string,
  { method: asked, ...given }: Config,
  resumed: string | null,
): Promise<RunKind<PretrainingSettings, Pick<PretrainResult, "warnings">, PretrainingTask>> {
  const reference = typeof asked === "string" ? methodReference(asked) : asked;
  const isFile = typeof reference === "string" && isAbsolute(reference);
  const before = resumed === null ? null : (await readRun(resumed, "pretraining")).description;
  const method = before === null ? await ownOrKnown(reference) : await methodOf(before, reference);
  const methodFile = isFile ? reference : (before?.methodFile ?? null);
  const fields = pretrainingFields(method);
  let read: Promise<EncoderWeights> | null = null;
  const initial = () => {
    if (given.init !== undefined) read ??= readInitialEncoder(given.init, given);
    return read;
  };

  return {
    ...{ name: "pretraining", method: method.name, methodFile, given, fields },
    paths: { train: folder, test: null },
    step: () => pretrainingStep(method),
    work: (config, cost, { train }) => pretrainingWork(method, config, cost, train.facts),
    changed: () => changedSettings(given, fields) as Partial<PretrainingSettings>,

    async open(description, terminal) {
      const chosen = { ...description?.config, ...given, use: "pretraining" } as const;
      if (method.supervision === undefined) {
        const train = await scanPictures(folder, terminal, chosen);
        return { train, test: null, classes: [], warnings: [] };
      }
      // A run goes on with its classes in their order.
      const options = { ...chosen, classes: description?.classes };
      const train = await scanLabelled(`--method ${method.name}`, folder, options, terminal);
      return { train, test: null, classes: train.dataset.classes, warnings: [] };
    },

    async decide({ train }, pictures, machine) {
      const valueRange = train.valueRange ?? given.valueRange;
      const decided = await decideSettings({ ...given, valueRange, method }, pictures, machine);
      const choice = { name: "method", value: method.title, reason: method.paper };
      const begun = await initial();
      const first = begun === null ? [] : [initialChoice(given.init!, begun)];
      return { ...decided, choices: [choice, ...first, ...decided.choices] };
    },

    async describe({ device }, config, dataset) {
      const isGiven = config.mean !== null && config.std !== null;
      const { mean, std } = isGiven
        ? { mean: config.mean, std: config.std }
        : await measureNormalization(dataset, { device, seed: config.seed });
      const settings = { ...config, mean, std };
      const measured = {
        name: "mean and std",
        value: [mean, std].map((numbers) => numbers.map((value) => value.toFixed(3)).join(" ")).join(" / "),
        reason: isGiven ? "given" : "measured on a sample of the pictures",
      };
      const encoder = method.encoder?.(settings) ?? encoderConfig(settings);
      const begun = await initial();
      const pretrained = begun && {
        run: resolve(given.init!),
        steps: begun.step,
        weights: weightsHash(begun.weights),
      };
      return { encoder, pretrained, mean, std, measured };
    },

    async resume(_, { config, pictures }) {
      // Mostly the monitor's pictures lie beside those of the run, or are the same.
      const move = { from: pictures.path, to: resolve(folder) };
      const moved = (path: string | null) => path && movedAlong(path, move);
      const { monitor, monitorTest } = config;
      return { config: { ...config, monitor: moved(monitor), monitorTest: moved(monitorTest) } };
    },

    async watch(context, description) {
      const { config, mean, monitorIdentities, std } = description;
      const every = monitorRhythm(config, { ...(description.given as Config), ...given });
      const view = encoderView(preparedSettings(description));
      const isGiven = given.monitor !== undefined || given.monitorTest !== undefined;
      const monitor = await openMonitor(context, config, view, every, isGiven ? [] : monitorIdentities);
      const { warnings } = monitor;
      return {
        ...monitor,
        interrupted: { warnings },
        async finish(task, run) {
          const { encoder } = task.model;
          await saveEncoder(join(run.path, encoderFileName), { encoder, normalization: { mean, std } });
          return { warnings };
        },
      };
    },

    async create(context, description, dataset, run) {
      const settings = preparedSettings(description);
      const parts = await prepareParts(context, run.path, method, settings, dataset);
      const task = method.create(context.device, settings, parts);
      // From the first checkpoint on, the weights are in there, and those that it began with may be gone.
      if (description.pretrained !== null && (await latestCheckpoint(join(run.path, "checkpoints"))) === null)
        beginWith(task.model, await readInitialEncoder(description.pretrained.run, settings));
      return task;
    },
  };
}

/** What a method makes before the first step: read from the run folder where it is there, else made and left there. */
async function prepareParts(
  { device, request, terminal }: RunContext,
  folder: string,
  { preparation }: Method,
  settings: PretrainingSettings & Normalization,
  dataset: ImageDataset,
): Promise<unknown> {
  if (preparation === undefined) return undefined;
  const { file, name } = preparation;
  const path = join(folder, file);
  // A run that was killed before its parts were there makes them as it would have.
  if (existsSync(path)) return preparation.load(device, path, settings);
  const parts = await preparation.make({
    ...{ device, settings, pictureCount: dataset.length },
    async *crops(view, pictures) {
      const batchSize = Math.min(64, dataset.length);
      const augmentation = trainingAugmentation(settings);
      const { seed } = settings;
      const loader = new ImageLoader({ dataset, device, batchSize, views: [view], seed, augmentation });
      try {
        for (let step = 0; step * batchSize < pictures; step++) yield (await loader.batch(step)).views[0]!;
      } finally {
        loader.close();
      }
    },
    progress: (doing, share) => terminal.progress(`${name}: ${doing} ${Math.floor(100 * share)} %`),
    tell(text) {
      terminal.endProgress();
      terminal.line(`${terminal.style.bold(name)}: ${text}`);
    },
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  terminal.endProgress();
  await preparation.save(parts, path);
  return parts;
}

/** The method of a new run; one's own must not pass for one of the table. */
async function ownOrKnown(asked: Config["method"]): Promise<Method> {
  const method = await loadMethod(asked);
  const known = (methods as Readonly<Record<string, Method>>)[method.name];
  if (known === undefined || known === method) return method;
  throw new UsageError(
    `method: "${method.name}" is the name of ${known.title}; give a method of your own another name.`,
  );
}
