import type { ImageBatch } from "@splitmask/augmentation";
import type { Tensor } from "@splitmask/autograd";
import type { Tokenizer } from "@splitmask/tokenizer";

/**
 * What a method is asked to show.
 *
 * @typeParam Settings The method's settings, decided.
 */
export interface LookRequest<Settings> {
  /**
   * The pictures that are shown, in the method's views, as in training but with the middle of each picture for crop; of
   * views with an augmentation of their own, only the first.
   */
  readonly batch: ImageBatch;
  /** More pictures, in batches of the same views: where examples of words come from. */
  readonly gallery: readonly ImageBatch[];
  /** What the run was made with: the scale of its views, the seed on which chance depends. */
  readonly settings: Settings;
}

/** A share from 0 to 1 of every shown picture. */
export interface LookShare {
  /** What it is a share of, such as "exact". */
  readonly name: string;
  /** B numbers. */
  readonly values: Tensor;
}

/** One drawing of every shown picture: patches at some places of the encoder's grid; the others stay empty. */
export interface LookPanel {
  /** What it shows, in a few words: "A sees". */
  readonly caption: string;
  /** B×K×3P²: pixels of patches in [−1, 1]. */
  readonly patches: Tensor;
  /** int32 B×K: the places of the grid that they belong to, none twice; null: K is all places, in order. */
  readonly places: Tensor | null;
  /** B numbers from 0 to 1, one a picture, printed below the caption as "25 % exact"; null: none. */
  readonly share: LookShare | null;
}

/** A tokenizer with pictures that it is shown. */
export interface TokenizedPictures {
  /** The tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Batches B×C×H×W in its view. */
  readonly pictures: readonly Tensor[];
}

/** What a report shows of a method. */
export interface Looks {
  /** The heading. */
  readonly title: string;
  /** What is shown, in a sentence or two; it stands above the pictures. */
  readonly lead: string;
  /** How to read the panels; it stands below the pictures. */
  readonly note: string;
  /** The panels beside each picture, in order. */
  readonly panels: readonly LookPanel[];
  /** The tokenizer whose use of its words is shown; null: none. */
  readonly words: TokenizedPictures | null;
}
