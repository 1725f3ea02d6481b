import type { EvaluateRequest } from "../evaluation/evaluate.js";
import type { FinetuneRequest } from "../training/finetune.js";
import type { FitTokenizerRequest } from "../training/fitTokenizer.js";
import type { PretrainRequest } from "../training/pretrain.js";

/** Which function a step calls, and with what request; `threads` is added by the process that does it. */
export type StepWork =
  | {
      /** A pre-training run; or its folder alone, for the encoder before training. */
      readonly kind: "pretraining" | "untrained";
      readonly request: Pick<PretrainRequest, "folder" | "out"> & {
        readonly config: NonNullable<PretrainRequest["config"]>;
      };
    }
  | { readonly kind: "tokenizer"; readonly request: FitTokenizerRequest }
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

/** Accuracy of an encoder in one evaluation. */
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
  /** What an evaluation found; null for the training of an encoder or of a tokenizer. */
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
  /** Time that it took, in seconds; null if it resumed what an earlier process had begun. */
  readonly seconds: number | null;
  /** When it was finished (ISO 8601). */
  readonly finished: string;
}

/** How far the training of a study's step is. */
export interface StepProgress {
  /** Training steps that are done. */
  readonly step: number;
  /** Training steps in all. */
  readonly steps: number;
  /** Estimated by the trainer; null before it can tell. */
  readonly secondsLeft: number | null;
}
