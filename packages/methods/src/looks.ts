import type { Tensor } from "@splitmask/autograd";
import type { ImageBatch } from "@splitmask/data";
import type { Tokenizer } from "@splitmask/tokenizer";

/** What a method is asked to show. */
export interface LookRequest {
  /** Some pictures in the method's views. */
  readonly batch: ImageBatch;
  /** More pictures, batches B×3×S×S in the view that is drawn, in [−1, 1]: where examples of words come from. */
  readonly gallery: readonly Tensor[];
  /** What chance depends on. */
  readonly seed: number;
}

/** One picture of each shown picture: patches at some places of the grid; the others stay empty. */
export interface LookPanel {
  /** What it shows, such as "the half that A sees". */
  readonly caption: string;
  /** B×K×3P²: pixels of patches in [−1, 1]. */
  readonly patches: Tensor;
  /** int32 B×K: the places of the grid that they belong to; null: K is all places, in order. */
  readonly places: Tensor | null;
  /** B: a share from 0 to 1 of each picture, printed beside the caption; null: none. */
  readonly share: { readonly name: string; readonly values: Tensor } | null;
}

/** What a report shows of a method. */
export interface Looks {
  /** How to read the panels, in a few sentences. */
  readonly note: string;
  /** Rows of panels of each picture: e.g. one row a branch. */
  readonly panels: readonly (readonly LookPanel[])[];
  /** The tokenizer whose use of its words is shown; null: none. */
  readonly tokenizer: Tokenizer | null;
}
