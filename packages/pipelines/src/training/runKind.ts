import type { DatasetIdentity, ImageBatch, ImageDataset, View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { PretrainingTask, Recipe } from "@splitmask/methods";
import type { Choice, Fields } from "@splitmask/methods/settings";
import type { RunFolder, TrainOptions } from "@splitmask/trainer";
import type { EstimatedRun, RunWork } from "../estimate/runEstimate.js";
import type { ScannedPictures } from "../pictures/scanPictures.js";
import type { RunDescription, RunKindName } from "../runs/description.js";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { RunSettings } from "../settings/runSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import type { BatchOptions } from "./batches.js";
import type { LoadedBatches } from "./loadedBatches.js";

/** What a run is asked for, whatever its kind. */
export interface TrainingRequest {
  /** Where it is written; only a run that is planned needs none. */
  readonly out: string;
  /** The fields that are given; the rest is chosen. */
  readonly config: object & {
    readonly threads?: number | undefined;
    readonly checkpointEvery?: number | undefined;
  };
  /** Go on from the run folder's last checkpoint. */
  readonly resume: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal: AbortSignal | undefined;
}

/** The pictures of a run, opened. */
export interface RunPictures {
  /** Those that it learns from. */
  readonly train: ScannedPictures;
  /** Those that it is tested with; null: none. */
  readonly test: ImageDataset | null;
  /** The class names, by label; empty without labels. */
  readonly classes: readonly string[];
  /** Why figures on the test pictures may not mean what they seem to. */
  readonly warnings: readonly string[];
}

/** What a run works with. */
export interface RunContext {
  /** Where it is computed. */
  readonly device: Device;
  /** What is asked for. */
  readonly request: TrainingRequest;
  /** The pictures. */
  readonly pictures: RunPictures;
  /** Where it is told. */
  readonly terminal: Terminal;
}

/** What a run is going to be, and what it is going to take. */
export interface RunPlan<Settings extends RunSettings = RunSettings> extends EstimatedRun {
  /** Every setting, decided. */
  readonly config: Settings;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
  /** What they were decided and estimated from. */
  readonly pictures: PictureFacts;
  /** The same of the machine. */
  readonly machine: MachineFacts;
  /** How much is free on the disk of the run folder, in bytes. */
  readonly freeDiskBytes: number;
}

/** What looks at a model while it is trained, and what is made of it in the end. */
export interface Watch<Outcome, Task = PretrainingTask> {
  /** What the pictures that it is looked at with are, where the run folder has them apart. */
  readonly identities: readonly DatasetIdentity[];
  /** Why its figures may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The evaluations between the steps, and which checkpoint is the best. */
  options(task: Task): Pick<TrainOptions<never>, "evaluation" | "keepBest">;
  /** Writes what the run is for, after its last step. */
  finish(task: Task, run: RunFolder, step: number): Promise<void>;
  /** What came of it. */
  outcome(): Outcome;
  /** Lets go of its pictures. */
  close(): Promise<void>;
}

/**
 * What is different between runs that learn from pictures alone and runs that learn classes: everything else of a run
 * is `trainingRun`.
 *
 * @typeParam Settings Of its runs.
 * @typeParam Outcome What its runs give besides.
 * @typeParam Task What it trains.
 */
export interface RunKind<
  Settings extends RunSettings,
  Outcome,
  Task extends PretrainingTask = PretrainingTask,
> {
  /** Its name in `config.json`. */
  readonly name: RunKindName;
  /** Every field that may be given to its runs. */
  readonly fields: Fields;
  /** Decay rates of AdamW's moments; the optimizer's own when undefined. */
  readonly betas: Recipe["betas"];
  /** Opens the pictures. */
  open(description: RunDescription<Settings> | null, terminal: Terminal): Promise<RunPictures>;
  /** Decides every setting, and counts what the run does. */
  decide(
    context: RunContext,
    pictures: PictureFacts,
    machine: MachineFacts,
  ): Promise<Pick<RunPlan<Settings>, "config" | "choices"> & { readonly work: RunWork }>;
  /** Counts what a run does whose settings are decided, for the machine as it is now. */
  work(context: RunContext, description: RunDescription<Settings>, machine: MachineFacts): Promise<RunWork>;
  /** What the run folder holds. */
  describe(
    context: RunContext,
    plan: RunPlan<Settings>,
    dataset: ImageDataset,
  ): Promise<Omit<RunDescription<Settings>, "monitorIdentities" | "warnings">>;
  /** Tells what was found and decided. */
  tell(context: Pick<RunContext, "pictures" | "terminal">, choices: readonly Choice[]): void;
  /**
   * Checks that a run goes on with what it was started with.
   *
   * @returns Its description with the places where everything is now.
   */
  resume(context: RunContext, description: RunDescription<Settings>): Promise<RunDescription<Settings>>;
  /** The settings that are given to a run that goes on and may change, decided. */
  changed(description: RunDescription<Settings>): Partial<Settings>;
  /** Opens what it is watched with; warns where a run that goes on was watched with something else. */
  watch(context: RunContext, description: RunDescription<Settings>): Promise<Watch<Outcome, Task>>;
  /** The model with the weights that it begins with. */
  create(
    context: RunContext,
    description: RunDescription<Settings>,
    dataset: ImageDataset,
    run: RunFolder,
  ): Promise<Task>;
  /** Views of a batch, for how large pictures have to be decoded. */
  views(description: RunDescription<Settings>): readonly View[];
  /** The batches of the steps. */
  batches(
    device: Device,
    dataset: ImageDataset,
    description: RunDescription<Settings>,
    options: BatchOptions,
  ): LoadedBatches<ImageBatch>;
}
