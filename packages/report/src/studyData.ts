import type { AccuracyInterval } from "@splitmask/eval";

/** A figure that a study measures for every row: the accuracy of one evaluation, or of one layer of it. */
export interface StudyFigure {
  /** What it is called in tables: the evaluation's name, with the layer. */
  readonly name: string;
  /** Name of the evaluation. */
  readonly evaluation: string;
  /** The block, counted from 1; null: the encoder's output, or a trained classifier. */
  readonly layer: number | null;
  /** Number of test pictures. */
  readonly test: number;
}

/** How a row differs from the baseline in one figure, over the seeds that both have. */
export interface StudyComparison {
  /** Number of these seeds. */
  readonly seeds: number;
  /** Mean of the paired differences. */
  readonly difference: number;
  /** 95 % confidence interval of the mean difference (Student's t); null with one seed. */
  readonly interval: AccuracyInterval | null;
  /** Two-sided p-value of Student's t; null with one seed. */
  readonly pValue: number | null;
  /** What can be concluded, in words: `"higher"`, `"no difference shown"`, … */
  readonly verdict: string;
}

/** What one cell measured. */
export interface StudyAccuracy {
  /** Its seed. */
  readonly seed: number;
  /** Share of the test pictures that were classified rightly. */
  readonly accuracy: number;
}

/** A row's accuracies in one figure. */
export interface StudyValue {
  /** One for each seed that is done. */
  readonly accuracies: readonly StudyAccuracy[];
  /** Their mean; null where none is done. */
  readonly mean: number | null;
  /** Their standard deviation (divisor n − 1); null for fewer than two. */
  readonly standardDeviation: number | null;
  /** Compared with the baseline; null for the baseline itself, and where nothing can be paired. */
  readonly comparison: StudyComparison | null;
}

/** A value of an axis in a row. */
export interface RowPlace {
  /** Name of the axis. */
  readonly axis: string;
  /** What the value is called. */
  readonly label: string;
  /** Its position on a numeric axis; null if the axis is not numeric. */
  readonly at: number | null;
}

/** A row of a study: cells that differ in their seeds only. */
export interface StudyResultRow {
  /** What it is called. */
  readonly label: string;
  /** Its value on each axis. */
  readonly places: readonly RowPlace[];
  /** One for each figure; null where the row does not have that evaluation. */
  readonly values: readonly (StudyValue | null)[];
}

/** A cell's step that failed. */
export interface StudyFailure {
  /** The cell and the step: `"SplitMask, seed 0: pre-training"`. */
  readonly step: string;
  /** Why. */
  readonly message: string;
}

/** What came of a study. */
export interface StudyResults {
  /** Name of the plan. */
  readonly name: string;
  /** Its heading. */
  readonly title: string;
  /** The seeds that every row is repeated with. */
  readonly seeds: readonly number[];
  /** Label of the row that others are compared with. */
  readonly baseline: string;
  /** What was measured. */
  readonly figures: readonly StudyFigure[];
  /** The rows. */
  readonly rows: readonly StudyResultRow[];
  /** Steps that failed. */
  readonly failures: readonly StudyFailure[];
  /** Number of steps. */
  readonly steps: {
    /** Done. */
    readonly done: number;
    /** All. */
    readonly all: number;
  };
  /** Texts of the warnings, each once. */
  readonly warnings: readonly string[];
  /** Time of all finished steps together, in seconds, without those that were interrupted and resumed. */
  readonly seconds: number;
}
