import type { ChannelNumbers, ImageBatch, View } from "@splitmask/augmentation";
import type { ProductPrecision, Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { Module } from "@splitmask/nn";
import type { TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import type { Classifier } from "./classifier.js";
import type { FigureNotes } from "./figureNotes.js";
import type { FineTuningRecipe } from "./fineTuningRecipes.js";
import type { LookRequest, Looks } from "./looks.js";
import type { Decisions } from "./settings/decisions.js";
import type { Fields, Given } from "./settings/field.js";
import type { SupervisionSettings } from "./supervisionFields.js";

/** The decided settings that every method has: the encoder's, and those that `chance` may depend on. */
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
  /** What else the encoder is, where its weights come from a file or another run; else the method's own. */
  readonly architecture?: Partial<VisionTransformerConfig> | null;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale: number;
  /** Probability of mirroring a crop left to right. */
  readonly flip: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Number format of large products in training. */
  readonly precision: ProductPrecision;
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
  /** How many classes the pictures have; 0: none. */
  readonly classes: number;
}

/** How a method learns the classes of pictures. */
export interface Supervision
  extends Pick<SupervisionSettings, "labelSmoothing" | "mixup" | "cutmix" | "repeats"> {
  /** How many classes there are. */
  readonly classes: number;
}

/** A model with an encoder. */
export interface EncoderModel extends Module {
  /** What is wanted after training. */
  readonly encoder: VisionTransformer;
}

/** A model with an encoder of whatever kind. */
export interface ModelWithEncoder extends Module {
  /** What is wanted after training. */
  readonly encoder: Module;
}

/** Something that can be trained and whose encoder, of whatever kind, is what a run is for. */
export interface EncoderTask<Batch = ImageBatch> extends TrainingTask<Batch> {
  /** The encoder, and what serves to train it. */
  readonly model: ModelWithEncoder;
  /** What `prepare` takes for a picture, in seconds, where it was measured: for estimates. Default 0. */
  readonly secondsToPrepare?: number;
}

/** Something that can be trained and whose encoder is what a run is for. */
export interface PretrainingTask<Batch = ImageBatch> extends EncoderTask<Batch> {
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
  /** Weight decay at the last step, reached along a cosine. Default: it stays constant. */
  readonly weightDecayEnd?: number;
  /** Largest norm of the gradient; 0: no clipping. */
  readonly clip: number;
  /** Whether `clip` limits the norm of all gradients together or that of each tensor's. Default `"global"`. */
  readonly clipMode?: "global" | "tensor";
  /** Stochastic depth of the encoder's last block. */
  readonly dropPath: number;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale: number;
  /** Whether small sets get color steps besides crop and flip. */
  readonly colorsForFew: boolean;
  /**
   * The color augmentation of the views, in words, for methods whose views have an augmentation of their own: with them
   * the shared color settings (`augmentation` and its strengths) are an error. Default: views use the shared settings.
   */
  readonly ownColors?: string;
}

/** A view of a batch. */
export interface NamedView extends View {
  /** What sees it, in a preview: `"tokenizer"`. Default: its number. */
  readonly name?: string;
}

/** The argument of `Preparation.make`. */
export interface PrepareRequest<Settings> {
  /** The device. */
  readonly device: Device;
  /** Every setting, decided. */
  readonly settings: Settings;
  /** How many pictures there are. */
  readonly pictureCount: number;
  /**
   * The crops of training in another view, batch by batch.
   *
   * @param view Size and scale.
   * @param pictures Total number of crops; if it is larger than the number of pictures, each picture gives several.
   * @returns Batches B×3×S×S of at most 64 pictures, or of all if there are fewer; the caller may dispose of them.
   */
  crops(view: View, pictures: number): AsyncIterable<Tensor>;
  /** Reports progress, such as ("collecting patches", 0.4). */
  progress(doing: string, share: number): void;
  /** Prints a line about the result, such as how a tokenizer uses its words. */
  tell(text: string): void;
  /** Aborts it. */
  readonly signal?: AbortSignal;
}

/** The cost of a preparation. */
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
  /** What it makes, for progress: `"tokenizer"`. */
  readonly name: string;
  /** Name of the file in the run folder. */
  readonly file: string;
  /** Makes it. */
  make(request: PrepareRequest<Settings>): Promise<Parts>;
  /** Writes it to a file. */
  save(parts: Parts, path: string): Promise<void>;
  /** Reads it back. */
  load(device: Device, path: string, settings: Settings): Promise<Parts>;
  /** Parts of the same shapes, made at once and without pictures; estimates run a step with them. */
  standIn(device: Device, settings: Settings): Parts | Promise<Parts>;
  /**
   * The cost of making it: the number of decoded pictures, and of floating-point operations in large products.
   */
  cost(settings: Settings, pictureCount: number): PreparationCost;
}

/**
 * A pre-training method. The command, run folders, resume, evaluation, reports and estimates work with any such object.
 *
 * @typeParam Own Its own fields.
 * @typeParam OwnSettings Their decided values.
 * @typeParam Parts What it prepares.
 * @typeParam Task What it creates.
 */
export interface Method<
  Own extends Fields = Fields,
  OwnSettings extends object = object,
  Parts = unknown,
  Task extends PretrainingTask = PretrainingTask,
> {
  /** Its name in `--method`, `config.json` and checkpoints: lower case, such as `"splitmask"`. */
  readonly name: string;
  /** Its displayed name: `"SplitMask"`. */
  readonly title: string;
  /** Where it comes from, for help and reports. */
  readonly paper: string;
  /** Its own settings, besides those that all methods share. */
  readonly fields: Own;
  /** Its default learning rate, weight decay, augmentation and so on. */
  readonly recipe: Recipe;
  /**
   * Reads what settings name, such as the file of a tokenizer or teacher, before they are decided.
   *
   * @param given All settings that are given, its own among them.
   * @returns The same with what was read: paths absolute, sizes filled in.
   * @throws UsageError (rejects) If what they name is not there.
   */
  examine?<Chosen extends object>(given: Chosen): Promise<Chosen>;
  /**
   * Decides its own settings.
   *
   * @param given The settings that are given.
   * @param facts The facts that the defaults may depend on.
   * @param decisions Receives the decisions with their reasons, which are printed before training.
   * @throws UsageError where they contradict each other.
   */
  decide(given: Given<Own>, facts: MethodFacts, decisions: Decisions): OwnSettings;
  /** The encoder's config, if it has more than `encoderConfig(settings)`. */
  encoder?(settings: OwnSettings & CommonSettings): VisionTransformerConfig;
  /** The views of a crop in a batch, the encoder's first. Default: only the encoder's. */
  views?(settings: OwnSettings & CommonSettings): readonly NamedView[];
  /**
   * How it learns the classes of the pictures: those without a class are left out, and targets are mixed. Default: it
   * learns from pictures alone.
   */
  supervision?(settings: OwnSettings & CommonSettings): Supervision;
  /** What it fits before the first step, such as a tokenizer. */
  readonly preparation?: Preparation<OwnSettings & CommonSettings, Parts>;
  /** The model with its initial weights, and its loss. */
  create(device: Device, settings: OwnSettings & CommonSettings, parts: Parts): Task;
  /** The loss of guessing at random, a dashed line in reports. */
  chance?(settings: OwnSettings & CommonSettings): number;
  /** Titles and captions of its loss parts and health figures. Default: their names. */
  readonly figures?: FigureNotes;
  /** What a report shows of it, in addition to its encoder. */
  look?(task: Task, request: LookRequest<OwnSettings & CommonSettings>): Looks | Promise<Looks>;
}

/**
 * Infers the types of a method from its members: the own fields, the settings from `decide`, the parts from
 * `preparation`, the task from `create`.
 *
 * @param method The method. Write `decide` before the members that take settings, and `create` before `look`.
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

/** The shared settings that the recipe of a method that learns from labels decides. */
export type RecipeSettings = Pick<
  FineTuningRecipe,
  | "learningRate"
  | "minimumLearningRate"
  | "layerDecay"
  | "weightDecay"
  | "clip"
  | "dropPath"
  | "ema"
  | "cropScale"
>;

/** What a method that learns from labels may be given: its own settings, and the shared ones of its recipe. */
export type LabelledGiven<Own extends Fields> = Given<Own> & {
  readonly [Name in keyof RecipeSettings]?: Exclude<RecipeSettings[Name], null> | undefined;
};

/** What the settings of a method that learns from labels may depend on. */
export interface LabelledFacts {
  /** How many labeled pictures there are to train with. */
  readonly count: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Whether the encoder begins with its first random weights. */
  readonly fromScratch: boolean;
}

/** How much a method that learns from labels trains where nothing is given, with its reasons. */
export interface LabelledLength {
  /** Pictures a step. */
  readonly batch: number;
  /** Why. */
  readonly batchReason: string;
  /** Passes over the pictures. */
  readonly epochs: number;
  /** Why so many: the length in words, such as `"42 epochs of 73 steps"`, with the reason. */
  readonly epochsReason: (length: string) => string;
  /** Warm-up as a share of the steps. */
  readonly warmupShare: number;
  /** Why. */
  readonly warmupReason: string;
}

/**
 * A method that learns classes from labeled pictures, starting with a pre-trained encoder; a recipe gives its settings.
 *
 * @typeParam Own Its own fields.
 * @typeParam OwnSettings What it decides.
 * @typeParam Settings What its model is made of.
 */
export interface LabelledMethod<
  Own extends Fields = Fields,
  OwnSettings extends object = object,
  Settings extends object = object,
> {
  /** Its name in `config.json` and checkpoints. */
  readonly name: string;
  /** Its displayed name. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** Its own settings. */
  readonly fields: Own;
  /**
   * How much it trains where nothing is given.
   *
   * @param given The settings that are given.
   * @param count How many labeled pictures there are.
   * @param decisions Receives the recipe with its reason.
   */
  length(given: Given<Own>, count: number, decisions: Decisions): LabelledLength;
  /**
   * Decides its own settings, and the shared ones of its recipe.
   *
   * @param given The settings that are given.
   * @param facts The facts that the defaults may depend on.
   * @param decisions Receives the decisions with their reasons.
   * @throws UsageError where they contradict each other.
   */
  decide(given: LabelledGiven<Own>, facts: LabelledFacts, decisions: Decisions): OwnSettings & RecipeSettings;
  /** The model with its initial weights, and its loss. */
  create(device: Device, settings: Settings): Classifier;
}
