import type { Tensor } from "@splitmask/autograd";
import type { ChannelNumbers, ImageBatch, View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { Module } from "@splitmask/nn";
import type { TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import type { Classifier } from "./classifier.js";
import type { FigureNotes } from "./figureNotes.js";
import type { LookRequest, Looks } from "./looks.js";
import type { Decisions } from "./settings/decisions.js";
import type { Fields, Given } from "./settings/field.js";

/** The settings that every method has, decided: what its encoder is made of, and what its chance depends on. */
export interface CommonSettings {
  /** Width of the encoder's tokens. */
  readonly width: number;
  /** Encoder blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Side of the square crop that the encoder sees, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels. */
  readonly patch: number;
  /** Initial layer scale; null: none. */
  readonly layerScale: number | null;
  /** Stochastic depth of the encoder's last block. */
  readonly dropPath: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Seed of all randomness. */
  readonly seed: number;
  /** Mean of red, green and blue in 0…1, as given or measured. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of red, green and blue in 0…1, as given or measured. */
  readonly std: ChannelNumbers;
}

/** What a method's own settings may depend on. */
export interface MethodFacts {
  /** How many pictures there are. */
  readonly count: number;
  /** Side of the square crop that the encoder sees, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels. */
  readonly patch: number;
  /** Patches of a picture: (imageSize / patch)². */
  readonly patches: number;
  /** Pictures a step. */
  readonly batch: number;
}

/** A model with an encoder. */
export interface EncoderModel extends Module {
  /** What is wanted after training. */
  readonly encoder: VisionTransformer;
}

/** Something that can be trained and whose encoder is what a run is for. */
export interface PretrainingTask<Batch = ImageBatch> extends TrainingTask<Batch> {
  /** The encoder, and what the method has besides; the state dict has it as `encoder.*`. */
  readonly model: EncoderModel;
}

/** The learning rate of a paper, with what it depends on. */
export interface PaperLearningRate {
  /** The peak. */
  readonly value: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Width of the encoder. */
  readonly width: number;
}

/** What a method trains with where nothing is given: the numbers of its paper. */
export interface Recipe {
  /** The learning rate of the paper with its batch and its width; for others it is scaled with the square roots. */
  readonly learningRate: PaperLearningRate;
  /** The peak learning rate over the one at the end; Infinity: it ends at 0. */
  readonly peakToMinimum: number;
  /** Warm-up as a share of the steps. */
  readonly warmupShare: number;
  /** Decay rates of AdamW's two moments; the optimizer's own when left out. */
  readonly betas?: readonly [number, number];
  /** AdamW's weight decay. */
  readonly weightDecay: number;
  /** Largest norm of the gradient; 0: no clipping. */
  readonly clip: number;
  /** Stochastic depth of the encoder's last block. */
  readonly dropPath: number;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale: number;
  /** Whether small sets get color steps besides crop and flip. */
  readonly colorsForFew: boolean;
}

/** A view of a batch. */
export interface NamedView extends View {
  /** What sees it, in a preview: `"tokenizer"`. Default: its number. */
  readonly name?: string;
}

/** What a method may look at before the first step. */
export interface PrepareRequest<Settings> {
  /** Where it is computed. */
  readonly device: Device;
  /** Every setting, decided. */
  readonly settings: Settings;
  /** How many pictures there are. */
  readonly pictureCount: number;
  /**
   * The crops of training in another view, batch after batch.
   *
   * @param view Size and scale.
   * @param pictures How many crops in all; if more than there are pictures, several of each.
   * @returns Batches B×3×S×S of at most 64, no more than there are pictures; who reads them may dispose of them.
   */
  crops(view: View, pictures: number): AsyncIterable<Tensor>;
  /** Tells how far it is, such as ("collecting patches", 0.4). */
  progress(doing: string, share: number): void;
  /** Tells people something of what was made, such as how a tokenizer uses its words. */
  tell(text: string): void;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** What a preparation takes. */
export interface PreparationCost {
  /** Pictures that are decoded. */
  readonly pictures: number;
  /** Floating-point operations of large products. */
  readonly operations: number;
}

/**
 * What a method makes before the first step and keeps in the run folder, such as a fitted tokenizer.
 *
 * @typeParam Settings The method's settings, decided.
 * @typeParam Parts What is made.
 */
export interface Preparation<Settings, Parts> {
  /** What people are told that it makes: `"tokenizer"`. */
  readonly name: string;
  /** Name of the file in the run folder. */
  readonly file: string;
  /** Makes it. */
  make(request: PrepareRequest<Settings>): Promise<Parts>;
  /** Writes it to a file. */
  save(parts: Parts, path: string): Promise<void>;
  /** Reads it back. */
  load(device: Device, path: string): Promise<Parts>;
  /** Something of the same shapes, made at once and without pictures: what a plan counts a step with. */
  standIn(device: Device, settings: Settings): Parts;
  /**
   * What making it takes: how many pictures are decoded, and how many floating-point operations of large products are
   * done.
   */
  cost(settings: Settings, pictureCount: number): PreparationCost;
}

/**
 * A method of pre-training: data that the pipelines render. With it in their table, or given to them, the command, run
 * folders, resume, evaluation, reports and estimates work for it.
 *
 * @typeParam Own Its own fields.
 * @typeParam OwnSettings What is decided of them.
 * @typeParam Parts What it prepares.
 * @typeParam Task What it creates.
 */
export interface Method<
  Own extends Fields = Fields,
  OwnSettings extends object = object,
  Parts = unknown,
  Task extends PretrainingTask = PretrainingTask,
> {
  /** What `--method`, `config.json` and checkpoints call it: lower case, such as `"splitmask"`. */
  readonly name: string;
  /** How people write it: `"SplitMask"`. */
  readonly title: string;
  /** Where it comes from, for help and reports. */
  readonly paper: string;
  /** Its own settings, besides those that all methods share. */
  readonly fields: Own;
  /** What it trains with where nothing is given. */
  readonly recipe: Recipe;
  /**
   * Decides its own settings.
   *
   * @param given Those that are given.
   * @param facts What they may depend on.
   * @param decisions Receives what was decided, with the reason, for the list that is printed before training.
   * @throws UsageError where they contradict each other.
   */
  decide(given: Given<Own>, facts: MethodFacts, decisions: Decisions): OwnSettings;
  /** The encoder's config, where it is more than the common settings say. */
  encoder?(settings: OwnSettings & CommonSettings): VisionTransformerConfig;
  /** What a batch holds: views of the same crop, the encoder's first; that one alone when left out. */
  views?(settings: OwnSettings & CommonSettings): readonly NamedView[];
  /** What it makes before the first step. */
  readonly preparation?: Preparation<OwnSettings & CommonSettings, Parts>;
  /** The model with its first weights, and its loss. */
  create(device: Device, settings: OwnSettings & CommonSettings, parts: Parts): Task;
  /** The loss of guessing at random, a dashed line in reports. */
  chance?(settings: OwnSettings & CommonSettings): number;
  /** What people are told of the parts of its loss and of its health figures; their names alone when left out. */
  readonly figures?: FigureNotes;
  /** What a report shows of it, besides its encoder. */
  look?(task: Task, request: LookRequest<OwnSettings & CommonSettings>): Looks;
}

/**
 * Types a method: its own fields, what `decide` makes of them, what `preparation` makes, and the task that `create`
 * gives are known to the members behind.
 *
 * @param method The method; `decide` stands before what takes the settings, `create` before `look`.
 * @returns The same object.
 */
export function defineMethod<
  Own extends Fields,
  OwnSettings extends object,
  Task extends PretrainingTask,
  Parts = undefined,
>(method: Method<Own, OwnSettings, Parts, Task>): Method<Own, OwnSettings, Parts, Task> {
  return method;
}

/**
 * A method that learns classes from labeled pictures, beginning with a pre-trained encoder: the pipelines decide its
 * settings by a recipe.
 *
 * @typeParam Own Its own fields.
 * @typeParam Settings What its model is made of.
 */
export interface LabelledMethod<Own extends Fields = Fields, Settings extends object = object> {
  /** What `config.json` and checkpoints call it. */
  readonly name: string;
  /** How people write it. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** Its own settings. */
  readonly fields: Own;
  /** The model with its first weights, and its loss. */
  create(device: Device, settings: Settings): Classifier;
}
