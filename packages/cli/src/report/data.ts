import type { SkippedPicture } from "@splitmask/data";
import type { Choice } from "../config/resolve.js";

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
  /** Its name, drawn at its end. */
  readonly name: string;
  /** Colour slot: 0 ink, 1 blue, 2 orange, 3 green. */
  readonly colour: 0 | 1 | 2 | 3;
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

/** What one branch saw and predicted of a picture. */
export interface BranchView {
  /** The patches that it saw; the rest is empty. */
  readonly visible: DataUri;
  /** The patches that it saw, and its prediction at the hidden places. */
  readonly predicted: DataUri;
  /** Share of the hidden patches whose word it predicted exactly. */
  readonly accuracy: number;
}

/** A picture with its two branches. */
export interface PictureView {
  /** Its path, as a caption. */
  readonly name: string;
  /** The picture as the encoder sees it. */
  readonly original: DataUri;
  /** The picture with every patch replaced by its word: the best that a prediction can be. */
  readonly words: DataUri;
  /** Both branches. */
  readonly branches: readonly [BranchView, BranchView];
}

/** Where the last layer looks. */
export interface AttentionView {
  /** The picture's path. */
  readonly name: string;
  /** The picture as the encoder sees it. */
  readonly original: DataUri;
  /** One map a head. */
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
export interface Neighbour extends NamedImage {
  /** Cosine similarity of the embeddings. */
  readonly similarity: number;
}

/** A query picture and the pictures whose embeddings are nearest. */
export interface NeighbourView {
  /** The query. */
  readonly query: NamedImage;
  /** Nearest first. */
  readonly nearest: readonly Neighbour[];
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
  /** Share of the patches that the most frequent words carry, most frequent first, cumulative; one entry a percent of the words. */
  readonly cumulative: readonly number[];
}

/** Everything that the page shows. */
export interface ReportData {
  /** The run's name. */
  readonly title: string;
  /** When the page was written, for people. */
  readonly written: string;
  /** One sentence under the title. */
  readonly summary: string;
  /** The large numbers. */
  readonly facts: readonly Fact[];
  /** The charts. */
  readonly charts: readonly Chart[];
  /** The tokenizer's words. */
  readonly tokens: TokenView | null;
  /** Pictures, halves and predictions. */
  readonly pictures: readonly PictureView[];
  /** How the words were drawn, in one or two sentences. */
  readonly wordsNote: string;
  /** Attention maps. */
  readonly attention: readonly AttentionView[];
  /** Nearest neighbours. */
  readonly neighbours: readonly NeighbourView[];
  /** The pictures that were skipped. */
  readonly skipped: readonly SkippedPicture[];
  /** The configuration with the reasons. */
  readonly configuration: readonly Choice[];
}
