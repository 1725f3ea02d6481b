import type { EvaluateRequest } from "../evaluation/evaluate.js";
import type { FinetuneRequest } from "../training/finetune.js";
import type { PretrainRequest } from "../training/pretrain.js";

/** What a step calls, and with what; threads are added where it runs. */
export type StepWork =
  | {
      /** A pre-training run; or its folder alone, for the encoder before training. */
      readonly kind: "pretraining" | "untrained";
      readonly request: Pick<PretrainRequest, "folder" | "out"> & {
        readonly config: NonNullable<PretrainRequest["config"]>;
      };
    }
  | { readonly kind: "knn" | "probe"; readonly request: EvaluateRequest }
  | { readonly kind: "finetune"; readonly request: FinetuneRequest };

/** A piece of work of a study that is done once, however many cells need it. */
export interface StudyStep {
  /** Hash of everything that its outcome depends on; its files have this name. */
  readonly key: string;
  /** The cell that needs it first, and what is done: `"SplitMask, seed 0: pre-training"`. */
  readonly label: string;
  /** The step that has to be done before; null: none. */
  readonly after: string | null;
  readonly work: StepWork;
  /** What the key was made of. */
  readonly inputs: object;
  /** Estimated time on the threads of a process, in seconds. */
  readonly seconds: number;
  /** Estimated memory of its process, in bytes. */
  readonly memoryBytes: number;
}

/** How good an encoder is by one evaluation. */
export interface StepAccuracy {
  /** Share of the test pictures that were classified rightly. */
  readonly accuracy: number;
  /** Number of test pictures. */
  readonly test: number;
  /** Each layer that was asked for; left out where the encoder's output was. */
  readonly layers?: readonly {
    /** The block, counted from 1. */
    readonly layer: number;
    /** As of the output. */
    readonly accuracy: number;
  }[];
}

/** What a step gave. */
export interface StepOutcome {
  /** What an evaluation found; null for pre-training. */
  readonly accuracy: StepAccuracy | null;
  /** What was warned of. */
  readonly warnings: readonly string[];
}

/** What is kept of a finished step. */
export interface StepRecord extends StepOutcome {
  /** Version of this layout. */
  readonly format: 1;
  /** What was done. */
  readonly label: string;
  /** What its key was made of. */
  readonly inputs: object;
  /** Time that it took, in seconds; null where it went on with what an earlier process had begun. */
  readonly seconds: number | null;
  /** When it was finished (ISO 8601). */
  readonly finished: string;
}

/** How far a step is that trains. */
export interface StepProgress {
  readonly step: number;
  readonly steps: number;
  /** Estimated by the trainer; null before it can tell. */
  readonly secondsLeft: number | null;
}
