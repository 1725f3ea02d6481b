import type { DatasetIdentity, ImageDataset } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { EncoderTask } from "@splitmask/methods";
import type { Choice, Fields } from "@splitmask/methods/settings";
import type { RunFolder, TrainingEvent, TrainOptions } from "@splitmask/trainer";
import type { EstimatedRun } from "../estimate/runEstimate.js";
import type { RunWork } from "../estimate/runWork.js";
import type { TrainingCost } from "../estimate/trainingCost.js";
import type { ScannedPictures } from "../pictures/scanPictures.js";
import type { RunDescription } from "../runs/description.js";
import type { RunKindName } from "../runs/runCommands.js";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { RunSettings } from "../settings/runSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import type { RunStep } from "./runStep.js";

/** Where a run goes, and how it is begun and ended. */
export interface RunRequest {
  /** Run folder to write. */
  readonly out: string;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Called with the events of the training. */
  readonly onEvent?: (event: TrainingEvent) => void;
}

/**
 * The same request for a run that is only planned.
 *
 * @typeParam Request What a run is asked for.
 */
export type Planned<Request extends RunRequest> = Omit<Request, keyof RunRequest> & {
  /** Where it would be written; for the free disk. */
  readonly out?: string;
};

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

/** The pictures of a run, opened. */
export interface RunPictures {
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
  readonly device: Device;
  readonly request: RunRequest;
  readonly pictures: RunPictures;
  readonly terminal: Terminal;
  /** When the call began, in milliseconds of `performance.now()`. */
  readonly started: number;
}

/** What looks at a model while it is trained, and what is made of it in the end. */
export interface Watch<Outcome, Task = EncoderTask> {
  /** What the pictures that it is looked at with are, where the run folder has them apart. */
  readonly identities: readonly DatasetIdentity[];
  /** Why its figures may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** What comes of a run that does not get to its last step. */
  readonly interrupted: Outcome;
  /** The evaluations between the steps, and which checkpoint is the best. */
  options(task: Task): Pick<TrainOptions<never>, "evaluation" | "keepBest">;
  /** Writes what the run is for, after its last step. */
  finish(task: Task, run: RunFolder, step: number): Promise<Outcome>;
  close(): Promise<void>;
}

/** Nothing looks at a run between its steps. */
export const unwatched = { identities: [], warnings: [], options: () => ({}), close: async () => undefined };

/**
 * What is different between runs that learn from pictures alone, runs that learn classes, and runs that train a
 * tokenizer: everything else of a run is `trainingRun`.
 */
export interface RunKind<Settings extends RunSettings, Outcome, Task = EncoderTask> {
  /** Its name in `config.json`. */
  readonly name: RunKindName;
  readonly method: string;
  /** The module of the method, absolute; null: none. */
  readonly methodFile: string | null;
  /** The fields that are given; the rest is chosen. */
  readonly given: { readonly threads?: number | undefined; readonly checkpointEvery?: number | undefined };
  /** Every field that may be given. */
  readonly fields: Fields;
  /** Where the pictures are, as it was given; test pictures that are held out have no place of their own. */
  readonly paths: { readonly train: string; readonly test: string | null };
  open(before: RunDescription<Settings> | null, terminal: Terminal): Promise<RunPictures>;
  /** Decides every setting, and counts its step. */
  decide(
    opened: RunPictures,
    pictures: PictureFacts,
    machine: MachineFacts,
  ): Promise<Pick<RunPlan<Settings>, "config" | "choices"> & { readonly cost: TrainingCost }>;
  /** What a run with such steps does. */
  work(config: Settings, cost: TrainingCost, opened: RunPictures): RunWork;
  /** What the run folder says of the model and of how the values of the pictures are scaled. */
  describe(
    context: RunContext,
    config: Settings,
    dataset: ImageDataset,
  ): Promise<
    Pick<RunDescription, "encoder" | "pretrained" | "mean" | "std"> & { readonly measured?: Choice }
  >;
  /** Checks that a run goes on with what it was started with; gives what lies elsewhere now. */
  resume(context: RunContext, before: RunDescription<Settings>): Promise<Partial<RunDescription<Settings>>>;
  /** The settings that are given to a run that goes on and may change, decided. */
  changed(description: RunDescription<Settings>): Partial<Settings>;
  /** Opens what it is watched with; warns where a run that goes on was watched with something else. */
  watch(context: RunContext, description: RunDescription<Settings>): Promise<Watch<Outcome, Task>>;
  step(description: Pick<RunDescription, "encoder" | "classes">): RunStep<Settings>;
  /** The model with the weights that it begins with. */
  create(
    context: RunContext,
    description: RunDescription<Settings>,
    dataset: ImageDataset,
    run: RunFolder,
  ): Promise<Task>;
}
