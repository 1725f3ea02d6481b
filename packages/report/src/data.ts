import type { SkippedPicture } from "@splitmask/data";
import type { FigureNotes } from "@splitmask/methods";
import type { EvaluationRecord, MetricsRecord } from "@splitmask/trainer";

/** What a run folder tells of itself, whatever was trained in it. */
export interface RecordedRun {
  /** The folder, absolute. */
  readonly path: string;
  /** Its name. */
  readonly name: string;
  /** What `config.json` holds. */
  readonly config: unknown;
  /** One record a step. */
  readonly metrics: readonly MetricsRecord[];
  /** The evaluations in between. */
  readonly evaluations: readonly EvaluationRecord[];
  /** What `evaluation.json` says of a classifier's mistakes; null without one. */
  readonly confusion: ConfusionView | null;
  /** Why the figures of the evaluations may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
  /** What the method tells of its losses and its health figures; their names alone when left out. */
  readonly figures?: FigureNotes;
}

/** A picture beside another. */
export interface PanelView {
  readonly caption: string;
  /** A data URI. */
  readonly image: string;
  /** A figure below the caption. */
  readonly remark?: string | undefined;
  /** Its whole name, in a tooltip; its caption when left out. */
  readonly name?: string;
}

/** A picture, and what belongs to it. */
export interface PictureView {
  /** Its path. */
  readonly name: string;
  /** A data URI of the picture, as the encoder sees it. */
  readonly original: string;
  readonly panels: readonly PanelView[];
}

/** What a method makes of some pictures. */
export interface MethodView {
  readonly title: string;
  /** What is shown, above the pictures. */
  readonly lead: string;
  /** How to read it, below the pictures. */
  readonly note: string;
  readonly pictures: readonly PictureView[];
}

/** What is known of the tokenizer's words. */
export interface TokenView {
  readonly vocabulary: number;
  /** Patches that were tokenized. */
  readonly patches: number;
  /** Entropy of the words in bits. */
  readonly entropy: number;
  /** Words that no patch received. */
  readonly dead: number;
  /** Cumulative share of the patches that the most frequent words carry; one entry a percent of the words. */
  readonly cumulative: readonly number[];
}

/** Small pictures side by side in one. */
export interface Atlas {
  /** A data URI of all: row by row, each `tile` pixels high and wide. */
  readonly image: string;
  readonly tile: number;
  readonly columns: number;
}

/** The points of one class on a map. */
export interface MapClass {
  readonly name: string;
  /** Color slot: 0 for all that have no color of their own, 1 to 10 the palette. */
  readonly color: number;
  readonly members: readonly number[];
}

/** A 2-D map of embeddings. */
export interface MapView {
  readonly method: "PCA" | "UMAP";
  /** How to read it, in one or two sentences. */
  readonly note: string;
  /** One place across a picture, 0 to `width`. */
  readonly x: readonly number[];
  /** One place down a picture, 0 to `height`. */
  readonly y: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly names: readonly string[];
  /** Every picture in one of these; one class without a name where pictures have no labels. */
  readonly classes: readonly MapClass[];
  readonly atlas: Atlas;
}

/** How often each class was taken for each. */
export interface ConfusionView {
  /** Its heading. */
  readonly title: string;
  /** How it was found, and how to read it. */
  readonly note: string;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** `counts[c][p]`: how many pictures of class c were taken for class p. */
  readonly counts: readonly (readonly number[])[];
}

/** A setting, and why it has its value. */
export interface ExplainedSetting {
  /** In words. */
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

/** Everything that the page of a run shows. */
export interface ReportData {
  /** What the run recorded. */
  readonly run: RecordedRun;
  /** When the page was written, for people. */
  readonly written: string;
  /** One sentence under the title. */
  readonly summary: string;
  /** Whether the encoder was trained with labels. */
  readonly withLabels: boolean;
  /** The configuration with the reasons. */
  readonly configuration: readonly ExplainedSetting[];
  /** Pictures a step. */
  readonly batch?: number;
  /** Pictures that it was trained on. */
  readonly pictureCount?: number;
  /** Parameters of the encoder. */
  readonly encoderParameters?: number | undefined;
  /** Parameters of the whole model. */
  readonly parameters?: number | undefined;
  /** The loss that guessing would give. */
  readonly guessing?: number | undefined;
  /** The gradient norm above which gradients are scaled down; null or 0: they are not. */
  readonly clip?: number | null;
  /** The words of the method's tokenizer; null where it has none. */
  readonly tokens: TokenView | null;
  /** What the method makes of some pictures; null where it shows nothing. */
  readonly method: MethodView | null;
  /** Attention maps. */
  readonly attention: readonly PictureView[];
  /** Nearest neighbors. */
  readonly neighbors: readonly PictureView[];
  /** The map of the embeddings; null where there are too few pictures. */
  readonly map: MapView | null;
  /** Confusion matrices besides the run's own. */
  readonly confusions: readonly ConfusionView[];
  /** The pictures that were skipped, by the run or for the page. */
  readonly skipped: readonly SkippedPicture[];
}
