import { join } from "node:path";
import { encoderConfig, type Method, tokenizerFile } from "@splitmask/methods";
import { type Given, UsageError } from "@splitmask/methods/settings";
import type { VisionTransformerConfig } from "@splitmask/vit";
import { estimateRun, type RunEstimate } from "../estimate/runEstimate.js";
import { processBytes } from "../estimate/runMemory.js";
import { classificationWork, pretrainingWork, tokenizerWork } from "../estimate/runWork.js";
import type { Config, FinetuneConfig, TokenizerRunConfig } from "../settings/config.js";
import type { MachineFacts } from "../settings/facts.js";
import {
  finetuneFields,
  pretrainingFields,
  type readingFields,
  tokenizerRunFields,
} from "../settings/fields.js";
import { loadMethod } from "../settings/loadMethod.js";
import { anyColors } from "../settings/normalization.js";
import { resolveFinetune } from "../settings/resolveFinetune.js";
import { resolveTokenizerRun } from "../settings/resolveTokenizerRun.js";
import type {
  ClassificationSettings,
  PretrainingSettings,
  TokenizerRunSettings,
} from "../settings/runSettings.js";
import { readingOf, sourceGiven } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { type DecidedSettings, decideSettings } from "../training/pretrain.js";
import { classificationStep, costsOf, tokenizerStep } from "../training/runStep.js";
import { type OpenedPictures, openStudyPictures, type PictureRole } from "./openedPictures.js";
import type { FrozenEvaluation, LabelledEvaluation, StudyPlan, StudyRow } from "./plan.js";
import type { StepWork, StudyStep } from "./step.js";
import { codeVersion, keyOf, methodIdentity, namedFiles, resultSettings } from "./stepKey.js";
import type { StudyFolder } from "./studyFolder.js";

/** A row with one of its seeds. */
export interface StudyCell {
  /** Label of the row. */
  readonly row: string;
  readonly seed: number;
  /** Key of the step that makes its encoder, and keys of the steps that evaluate it, by the evaluation's name. */
  readonly encoder: string;
  readonly evaluations: Readonly<Record<string, string>>;
}

/** What a study consists of. */
export interface StudyLayout {
  readonly cells: readonly StudyCell[];
  /** Every step once, in an order in which each can be done. */
  readonly steps: readonly StudyStep[];
}

/** What a layout is made from. */
export interface LayoutContext {
  readonly studies: StudyFolder;
  /** Whether decisions and tables are written to the folder; a dry run writes nothing. */
  readonly isWritten: boolean;
  /** The machine with one process's share of threads and memory. */
  readonly machine: MachineFacts;
  readonly terminal: Terminal;
}

/**
 * Settings that are decided from the machine's speed and memory. They are decided once for a folder of studies, so that
 * a step has the same key whenever it is done.
 */
const machineFields = [
  ...(["width", "depth", "heads", "imageSize", "patch"] as const),
  ...(["batch", "accumulate", "recompute", "steps"] as const),
];

/** A row's pre-training with all of its settings. */
interface DecidedRow {
  readonly decided: DecidedSettings;
  readonly pictures: OpenedPictures;
  /** What `pretrain` is given, without the seed. */
  readonly given: Config;
  readonly identity: string;
  /** Hashes of the files that the settings name. */
  readonly files: Readonly<Record<string, string>>;
  /** The training of its tokenizer; null where its words are not learned first. */
  readonly tokenizer: DecidedTokenizer | null;
}

/** The training of a tokenizer with all of its settings. */
interface DecidedTokenizer {
  readonly given: TokenizerRunConfig;
  readonly config: TokenizerRunSettings;
  readonly estimate: RunEstimate;
}

/** Training with labels with all of its settings. */
interface DecidedTraining {
  readonly config: ClassificationSettings;
  readonly estimate: RunEstimate;
}

/**
 * Lays out a study: opens its pictures, decides the settings of every cell, and lists the steps that it takes.
 *
 * @throws UsageError where settings contradict each other; Error where pictures are missing.
 */
export async function layOut(plan: StudyPlan, context: LayoutContext): Promise<StudyLayout> {
  return new Layout(plan, context).all();
}

class Layout {
  readonly #plan: StudyPlan;
  readonly #context: LayoutContext;
  readonly #steps = new Map<string, StudyStep>();
  readonly #opened = new Map<string, Promise<OpenedPictures>>();
  readonly #trainings = new Map<string, Promise<DecidedTraining>>();

  constructor(plan: StudyPlan, context: LayoutContext) {
    this.#plan = plan;
    this.#context = context;
  }

  async all(): Promise<StudyLayout> {
    const { rows, seeds } = this.#plan;
    const decided: DecidedRow[] = [];
    for (const row of rows) decided.push(await this.#decide(row));
    const cells: StudyCell[] = [];
    // All rows with the first seed, then with the next, so that there is something to compare early.
    for (const seed of seeds)
      for (const [place, row] of rows.entries()) cells.push(await this.#cell(row, decided[place]!, seed));
    return { cells, steps: [...this.#steps.values()] };
  }

  #open(
    name: string,
    role: PictureRole,
    options: Given<typeof readingFields> & { readonly maximumSkipped?: number | undefined },
  ): Promise<OpenedPictures> {
    const key = JSON.stringify([name, role, options]);
    const { terminal } = this.#context;
    const source = this.#plan.pictures[name]!;
    const opened =
      this.#opened.get(key) ?? openStudyPictures(name, source, role, options, this.#context, terminal);
    this.#opened.set(key, opened);
    return opened;
  }

  /** Decides a row's settings, or takes what was decided for them before. */
  async #decide(row: StudyRow): Promise<DecidedRow> {
    const { label, method, pictures: name } = row;
    const { isWritten, machine, studies } = this.#context;
    const { maximumSkipped } = row.settings;
    const pictures = await this.#open(name, "pretraining", { ...sourceGiven(row.settings), maximumSkipped });
    const tokenizer = await this.#decideTokenizer(row, pictures);
    const words = tokenizer === null ? {} : { vocabulary: tokenizer.config.vocabulary };
    const settings = { ...row.settings, ...words };
    const identity = await methodIdentity(method);
    const fields = pretrainingFields(await loadMethod(method));
    const key = keyOf({
      ...{ version: codeVersion, method: identity, pictures: pictures.digest },
      settings: resultSettings(settings, fields),
    });
    const decide = async (given: Config) => {
      try {
        return await decideSettings({ ...given, method }, pictures.facts, machine);
      } catch (error) {
        throw error instanceof UsageError ? new UsageError(`${label}: ${error.message}`) : error;
      }
    };
    let fixed = await studies.read<Config>("settings", key);
    if (fixed === null) {
      const { config } = await decide(settings);
      fixed = Object.fromEntries(machineFields.map((field) => [field, config[field]])) as Config;
      if (isWritten) await studies.write("settings", key, fixed);
    }
    const { epochs: _, model: __, ...others } = settings;
    const given = { ...others, ...fixed };
    const decided = await decide(given);
    return { decided, pictures, given, identity, files: await namedFiles(decided.config), tokenizer };
  }

  /** Decides and estimates the training of a row's tokenizer, which has as many words as the row says. */
  async #decideTokenizer(
    { settings, tokenizer }: StudyRow,
    { facts }: OpenedPictures,
  ): Promise<DecidedTokenizer | null> {
    if (tokenizer === null) return null;
    const { machine } = this.#context;
    const { vocabulary } = settings as TokenizerRunConfig;
    const given = { ...(vocabulary === undefined ? {} : { vocabulary }), ...tokenizer };
    const { config, cost } = await resolveTokenizerRun(given, facts, costsOf(tokenizerStep, machine));
    const { estimate } = estimateRun(config, tokenizerWork(config, cost, facts), facts, machine);
    return { given, config, estimate };
  }

  async #cell(row: StudyRow, decided: DecidedRow, seed: number): Promise<StudyCell> {
    const cell = `${row.label}, seed ${seed}`;
    const encoder = row.untrained
      ? this.#untrained(row, decided, seed, cell)
      : this.#pretraining(row, decided, seed, cell);
    const evaluations: Record<string, string> = {};
    for (const name of row.evaluations) {
      const evaluation = this.#plan.evaluations[name]!;
      const label = `${cell}: ${name}`;
      evaluations[name] =
        "settings" in evaluation
          ? await this.#training(evaluation, row, decided, { seed, label, cell, encoder })
          : await this.#frozen(evaluation, row, decided, { seed, label, encoder });
    }
    return { row: row.label, seed, encoder, evaluations };
  }

  /** Adds a step, if no other cell has it already. */
  #add(
    inputs: object,
    makeWork: (key: string) => StepWork,
    step: Pick<StudyStep, "label" | "after" | "seconds" | "memoryBytes">,
  ): string {
    const versioned = { version: codeVersion, ...inputs };
    const key = keyOf(versioned);
    if (!this.#steps.has(key)) this.#steps.set(key, { key, inputs: versioned, work: makeWork(key), ...step });
    return key;
  }

  /** A training on a row's pictures. */
  #request<Given extends object>(given: Given, { pictures }: DecidedRow, seed: number, key: string) {
    const { path, split } = pictures;
    const config = { keepCheckpoints: 1, ...given, ...(split === undefined ? {} : { split }), seed };
    return { folder: path, out: this.#context.studies.runPath(key), config };
  }

  /** The training of a row's tokenizer. */
  #tokenizer(
    { config, estimate, given }: DecidedTokenizer,
    row: DecidedRow,
    seed: number,
    cell: string,
  ): string {
    return this.#add(
      {
        step: "tokenizer",
        settings: resultSettings({ ...config, seed }, tokenizerRunFields),
        pictures: row.pictures.digest,
      },
      (key) => ({ kind: "tokenizer", request: this.#request(given, row, seed, key) }),
      {
        label: `${cell}: tokenizer`,
        after: null,
        seconds: estimate.seconds,
        memoryBytes: estimate.memory.total,
      },
    );
  }

  #pretraining({ method: reference }: StudyRow, decided: DecidedRow, seed: number, cell: string): string {
    const { given, tokenizer } = decided;
    const after = tokenizer === null ? null : this.#tokenizer(tokenizer, decided, seed, cell);
    // The key is made of what the tokenizer depends on, and the run takes its file.
    const words = after === null ? {} : { tokenizer: after };
    const file =
      after === null ? {} : { tokenizer: join(this.#context.studies.runPath(after), tokenizerFile) };
    const { config, cost, method } = decided.decided;
    const { digest, facts } = decided.pictures;
    const { estimate } = estimateRun(
      config,
      pretrainingWork(method, config, cost, facts),
      facts,
      this.#context.machine,
    );
    return this.#add(
      {
        step: "pretraining",
        method: decided.identity,
        settings: resultSettings({ ...config, seed, ...decided.files, ...words }, pretrainingFields(method)),
        pictures: digest,
      },
      (key) => ({
        kind: "pretraining",
        request: this.#request({ ...given, ...file, method: reference }, decided, seed, key),
      }),
      {
        label: `${cell}: pre-training`,
        after,
        seconds: estimate.seconds,
        memoryBytes: estimate.memory.total,
      },
    );
  }

  /** The run folder of an untrained encoder; its key is made of what first weights and normalization depend on. */
  #untrained(row: StudyRow, decided: DecidedRow, seed: number, cell: string): string {
    return this.#add(
      { step: "untrained", method: decided.identity, ...firstEncoder(decided, seed) },
      (key) => ({
        kind: "untrained",
        request: this.#request({ ...decided.given, method: row.method }, decided, seed, key),
      }),
      { label: `${cell}: first weights`, after: null, seconds: 5, memoryBytes: processBytes },
    );
  }

  /** Training with labels, from the pre-trained encoder or from random weights. */
  async #training(
    { kind, settings, test, train }: LabelledEvaluation,
    row: StudyRow,
    decided: DecidedRow,
    { cell, encoder, label, seed }: { seed: number; label: string; cell: string; encoder: string },
  ): Promise<string> {
    const fromScratch = kind === "supervised" || row.untrained;
    const reading = { ...readingOf(settings), maximumSkipped: settings.maximumSkipped };
    const trained = await this.#open(train, "training", reading);
    const tested = await this.#open(test, "test", reading);
    const { config, estimate } = await this.#labelled(settings, decided, trained, tested, fromScratch);
    const own = resultSettings({ ...config, seed }, finetuneFields);
    const start = fromScratch ? firstEncoder(decided, seed) : { encoder };
    // From random weights, even a row that is pre-trained starts from the untrained encoder, which is another step.
    const after = fromScratch && !row.untrained ? this.#untrained(row, decided, seed, cell) : encoder;
    const parts: FinetuneConfig = {
      ...(trained.split === undefined ? {} : { trainSplit: trained.split }),
      ...(tested.split === undefined ? {} : { testSplit: tested.split }),
    };
    return this.#add(
      { step: "finetune", fromScratch, ...start, settings: own, train: trained.digest, test: tested.digest },
      (key) => ({
        kind: "finetune",
        request: {
          run: this.#context.studies.runPath(after),
          ...{ train: trained.path, test: tested.path, fromScratch },
          out: this.#context.studies.runPath(key),
          config: { keepCheckpoints: 1, ...settings, ...parts, seed },
        },
      }),
      { label, after, seconds: estimate.seconds, memoryBytes: estimate.memory.total },
    );
  }

  /** Decides and estimates training with labels; once for all seeds. */
  #labelled(
    settings: FinetuneConfig,
    { decided: { config: first, method } }: DecidedRow,
    trained: OpenedPictures,
    tested: OpenedPictures,
    fromScratch: boolean,
  ): Promise<DecidedTraining> {
    const { depth, heads, imageSize, layerScale, patch, width } = first;
    const encoder = { depth, heads, imageSize, layerScale, patch, width };
    const key = JSON.stringify([settings, encoder, method.name, trained.digest, tested.digest, fromScratch]);
    const decide = async (): Promise<DecidedTraining> => {
      const { machine } = this.#context;
      const step = classificationStep(encoderOf(first, method), trained.classes.length);
      const facts = { count: trained.facts.count, encoder, fromScratch };
      const { config, cost } = await resolveFinetune(settings, facts, costsOf(step, machine));
      const work = classificationWork(config, cost, tested.facts.count);
      return { config, estimate: estimateRun(config, work, trained.facts, machine).estimate };
    };
    const decided = this.#trainings.get(key) ?? decide();
    this.#trainings.set(key, decided);
    return decided;
  }

  /** Evaluation of the frozen encoder. */
  async #frozen(
    evaluation: FrozenEvaluation,
    row: StudyRow,
    { decided, pictures: { facts } }: DecidedRow,
    { encoder, label, seed }: { seed: number; label: string; encoder: string },
  ): Promise<string> {
    const { kind, test, train, ...settings } = evaluation;
    const trained = await this.#open(train, "training", {});
    const tested = await this.#open(test, "test", {});
    const { config, cost } = decided;
    const { machine } = this.#context;
    const count = trained.facts.count + tested.facts.count;
    const { decodeSeconds = 0.003 } = trained.facts;
    const layers =
      settings.layers === undefined ? 1 : settings.layers === "all" ? config.depth : settings.layers.length;
    const reading = count * (decodeSeconds / machine.threads + cost.secondsPerLook);
    const fitting = kind === "probe" ? layers * probeSeconds(trained, config.width, machine) : 0;
    return this.#add(
      {
        step: kind,
        encoder,
        untrained: row.untrained,
        settings,
        seed,
        train: trained.digest,
        test: tested.digest,
      },
      () => ({
        kind,
        request: {
          ...{ run: this.#context.studies.runPath(encoder), train: trained.path, test: tested.path },
          ...(trained.split === undefined ? {} : { trainSplit: trained.split }),
          ...(tested.split === undefined ? {} : { testSplit: tested.split }),
          ...{ ...settings, seed, untrained: row.untrained },
        },
      }),
      {
        label,
        after: encoder,
        seconds: 1 + reading + fitting,
        memoryBytes: processBytes + 4 * count * config.width * layers + facts.count,
      },
    );
  }
}

/** The encoder's shape. */
function encoderOf(config: PretrainingSettings, method: Method): VisionTransformerConfig {
  return method.encoder?.({ ...config, ...anyColors }) ?? encoderConfig(config);
}

/** What an encoder's first weights and the normalization of its pictures depend on. */
function firstEncoder(row: DecidedRow, seed: number) {
  const { config, method } = row.decided;
  const { mean, std, valueRange } = config;
  return { encoder: encoderOf(config, method), mean, std, valueRange, seed, pictures: row.pictures.digest };
}

/** Passes over the training features that fitting a probe by L-BFGS takes, over all penalties and validation folds. */
const probePasses = 1500;
/** Seconds that these take however few pictures there are, because L-BFGS waits for the device at every one. */
const probeWaiting = 4;

function probeSeconds({ classes, facts }: OpenedPictures, width: number, { rates }: MachineFacts): number {
  return probeWaiting + (probePasses * 4 * facts.count * width * classes.length) / rates.products;
}
