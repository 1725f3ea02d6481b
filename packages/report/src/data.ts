import type { SkippedPicture } from "@splitmask/data";

/** A picture inside the page: a PNG data URI. */
export type DataUri = string;

/** One large number at the top of the page. */
export interface Fact {
  /** What it is. */
  readonly label: string;
  /** The number, formatted. */
  readonly value: string;
  /** A short remark below it. */
  readonly note?: string;
}

/** One line of a chart. */
export interface Series {
  /** Its name, drawn at its end; empty: the value alone is. */
  readonly name: string;
  /** Color slot: 0 ink, 1 to 10 the palette of the style sheet. */
  readonly color: number;
  /** Rising steps. */
  readonly steps: readonly number[];
  /** One value a step. */
  readonly values: readonly number[];
  /** Draw the raw values thin and a moving average strong. */
  readonly smooth?: boolean;
}

/** A level to compare a chart's lines with. */
export interface ChartReference {
  /** Its name. */
  readonly name: string;
  /** Its height. */
  readonly value: number;
}

/** One chart. */
export interface Chart {
  /** Its heading. */
  readonly title: string;
  /** One sentence that says how to read it. */
  readonly caption: string;
  /** Its lines. */
  readonly series: readonly Series[];
  /** Drawn over the page's whole width. */
  readonly wide?: boolean;
  /** A dashed level with its name: what chance would give. */
  readonly reference?: ChartReference;
}

/** One drawing of what a method makes of a picture. */
export interface PanelView {
  /** What it shows, in a few words. */
  readonly caption: string;
  /** The drawing. */
  readonly image: DataUri;
  /** A figure below the caption; null: none. */
  readonly remark: string | null;
}

/** A picture, and what a method makes of it. */
export interface PictureView {
  /** Its path, as a caption. */
  readonly name: string;
  /** The picture as the encoder sees it. */
  readonly original: DataUri;
  /** The drawings beside it. */
  readonly panels: readonly PanelView[];
}

/** What a method makes of some pictures. */
export interface MethodView {
  /** The heading. */
  readonly title: string;
  /** What is shown, above the pictures. */
  readonly lead: string;
  /** How to read it, below the pictures. */
  readonly note: string;
  /** The pictures. */
  readonly pictures: readonly PictureView[];
}

/** Where the encoder looks. */
export interface AttentionView {
  /** The picture's path. */
  readonly name: string;
  /** The picture as the encoder sees it. */
  readonly original: DataUri;
  /** Attention rollout: how much of each patch is in the embedding. */
  readonly rollout: DataUri;
  /** One map of the last layer a head. */
  readonly heads: readonly DataUri[];
}

/** A picture with its name. */
export interface NamedImage {
  /** Its path, as a caption. */
  readonly name: string;
  /** The picture. */
  readonly image: DataUri;
}

/** A picture that is like another. */
export interface Neighbor extends NamedImage {
  /** Cosine similarity of the embeddings. */
  readonly similarity: number;
}

/** A query picture and the pictures whose embeddings are nearest. */
export interface NeighborView {
  /** The query. */
  readonly query: NamedImage;
  /** Nearest first. */
  readonly nearest: readonly Neighbor[];
}

/** What is known of the tokenizer's words. */
export interface TokenView {
  /** Number of words. */
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
  /** All of them: row by row, each `tile` pixels high and wide. */
  readonly image: DataUri;
  /** Side of one in pixels. */
  readonly tile: number;
  /** How many are in a row. */
  readonly columns: number;
  /** How many there are. */
  readonly count: number;
}

/** The points of one class on a map. */
export interface MapClass {
  /** Its name. */
  readonly name: string;
  /** Color slot: 0 for all that have no color of their own, 1 to 10 the palette. */
  readonly color: number;
  /** Its pictures. */
  readonly members: readonly number[];
}

/** A 2-D map of embeddings. */
export interface MapView {
  /** How it was made. */
  readonly method: "PCA" | "UMAP";
  /** How to read it, in one or two sentences. */
  readonly note: string;
  /** One place across a picture, 0 to `width`. */
  readonly x: readonly number[];
  /** One place down a picture, 0 to `height`. */
  readonly y: readonly number[];
  /** Width of the map. */
  readonly width: number;
  /** Height of the map. */
  readonly height: number;
  /** What the pictures are called. */
  readonly names: readonly string[];
  /** Every picture in one of these; one class without a name where pictures have no labels. */
  readonly classes: readonly MapClass[];
  /** The pictures themselves. */
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
  /** Its name, in words. */
  readonly name: string;
  /** Its value. */
  readonly value: string;
  /** The reason. */
  readonly reason: string;
}

/** Everything that the page shows. */
export interface ReportData {
  /** The run's name. */
  readonly title: string;
  /** When the page was written, for people. */
  readonly written: string;
  /** One sentence under the title. */
  readonly summary: string;
  /** Why the figures may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** Whether the encoder was trained with labels. */
  readonly withLabels: boolean;
  /** The large numbers. */
  readonly facts: readonly Fact[];
  /** The charts. */
  readonly charts: readonly Chart[];
  /** The words of the method's tokenizer; null where it has none. */
  readonly tokens: TokenView | null;
  /** What the method makes of some pictures; null where it shows nothing. */
  readonly method: MethodView | null;
  /** Attention maps. */
  readonly attention: readonly AttentionView[];
  /** Nearest neighbors. */
  readonly neighbors: readonly NeighborView[];
  /** The map of the embeddings; null where there are too few pictures. */
  readonly map: MapView | null;
  /** Confusion matrices. */
  readonly confusions: readonly ConfusionView[];
  /** The pictures that were skipped. */
  readonly skipped: readonly SkippedPicture[];
  /** The configuration with the reasons. */
  readonly configuration: readonly ExplainedSetting[];
}

/** One of several runs. */
export interface ComparedRun {
  /** The letter that its lines and columns carry. */
  readonly letter: string;
  /** Its name. */
  readonly name: string;
  /** Its folder. */
  readonly path: string;
  /** Color slot, 1 to 10. */
  readonly color: number;
}

/** One row of a table with a column a run. */
export interface ComparedRow {
  /** What is compared. */
  readonly name: string;
  /** One text a run; null where a run has no such thing. */
  readonly values: readonly (string | null)[];
}

/** Everything that the page of several runs shows. */
export interface ComparisonData {
  /** The page's title. */
  readonly title: string;
  /** When the page was written, for people. */
  readonly written: string;
  /** The runs. */
  readonly runs: readonly ComparedRun[];
  /** Why the figures of some may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The figures at their ends. */
  readonly figures: readonly ComparedRow[];
  /** The settings that are not the same in all. */
  readonly settings: readonly ComparedRow[];
  /** One line a run. */
  readonly charts: readonly Chart[];
  /** The confusion matrices that the runs have. */
  readonly confusions: readonly ConfusionView[];
}
