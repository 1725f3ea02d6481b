import type { NdArray } from "ndarray";
import { PictureError, type SkippedPicture } from "../decoding/pictureError.js";
import type { ValueRange } from "../decoding/storedValues.js";
import type { DatasetIdentity, DatasetNote, ImageDataset, ImageRequest } from "../imageDataset.js";
import { forwardedMembers } from "./forwardedMembers.js";

/** Too many pictures of a data set cannot be read. */
export class TooManySkippedError extends Error {
  /** `"TooManySkippedError"`. */
  override readonly name = "TooManySkippedError";
}

/** How many pictures were tried, and what is allowed. */
export interface SkippedShare {
  /** Different pictures that were tried, good and bad. */
  readonly tried: number;
  /** All pictures of the data set. */
  readonly total: number;
  /** The largest share of bad pictures that is not an error, 0 to 1. */
  readonly maximumSkipped: number;
  /**
   * Whether the pictures tried stand for all: drawn at random or evenly. Else bad ones count against the whole data set
   * only.
   */
  readonly sample: boolean;
}

/** So many bad pictures are never an error by themselves (but with a limit of 0): half of a set of four says little. */
const fewestBad = 3;
/** So many pictures must have been tried before they stand for all. */
const fewestTried = 20;

/**
 * Pictures read in random order lie so many times as far apart as those read one after another, which say nothing of
 * the others: bad ones lie together.
 */
const fewestApart = 4;

/**
 * Whether bad pictures are too many. Of a sample, three standard deviations more than the limit are needed, so that a
 * set just below it does not fail by bad luck.
 */
function isTooMany(bad: number, { tried, total, maximumSkipped, sample }: SkippedShare): boolean {
  if (bad === 0 || maximumSkipped >= 1) return false;
  if (maximumSkipped === 0) return true;
  if (bad < fewestBad) return false;
  if (bad > maximumSkipped * total) return true;
  if (!sample || tried < fewestTried) return false;
  return bad > maximumSkipped * tried + 3 * Math.sqrt(maximumSkipped * (1 - maximumSkipped) * tried);
}

/**
 * Checks that not too many pictures are bad.
 *
 * @param skipped The bad ones among those tried, each once.
 * @throws TooManySkippedError If they are; it tells how many, the most common reasons, and what to do.
 */
export function checkSkipped(skipped: readonly SkippedPicture[], share: SkippedShare): void {
  if (!isTooMany(skipped.length, share)) return;
  const reasons = new Map<string, number>();
  for (const { reason } of skipped) {
    const kind = reason.startsWith("too large") ? "too large" : reason;
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  const common = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 3);
  const percent = (value: number) => `${Number((100 * value).toPrecision(2))} %`;
  const { tried, maximumSkipped } = share;
  const { path, reason } = skipped[0]!;
  throw new TooManySkippedError(
    `${skipped.length} of ${tried} pictures tried cannot be read (${percent(skipped.length / tried)}; ` +
      `maximumSkipped allows ${percent(maximumSkipped)}). ` +
      `Most common: ${common.map(([kind, count]) => `${count} × ${kind}`).join("; ")}. ` +
      `First: ${JSON.stringify(path)}: ${reason}. ` +
      "Check that the files are still there and whole, remove the bad ones, " +
      "or raise maximumSkipped (--maximum-skipped 0.5; 1: any number).",
  );
}

/** Options of `limitSkipped`. */
export interface LimitSkippedOptions {
  /** The largest share of bad pictures, 0 to 1. Default 0.1; 0: none may be bad; 1: any number. */
  readonly maximumSkipped?: number;
  /** Hears of each bad picture, once. */
  readonly onSkipped?: (picture: SkippedPicture) => void;
}

/** A data set that counts its bad pictures. Made by `limitSkipped`. */
export class LimitedDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly groups?: Int32Array;
  readonly root?: string;
  readonly notes?: readonly DatasetNote[];
  readonly size?: NonNullable<ImageDataset["size"]>;
  readonly stored?: NonNullable<ImageDataset["stored"]>;
  readonly storedLength?: NonNullable<ImageDataset["storedLength"]>;
  readonly values?: NonNullable<ImageDataset["values"]>;
  readonly valueRange?: ValueRange;
  readonly fingerprint?: () => Promise<string>;
  readonly identity?: () => Promise<DatasetIdentity>;
  readonly #dataset: ImageDataset;
  readonly #options: LimitSkippedOptions;
  /** By picture: 0 not tried yet, 1 good, 2 bad. */
  readonly #states: Uint8Array;
  readonly #skipped: SkippedPicture[] = [];
  #tried = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #highest = -1;

  /** @internal Use `limitSkipped`. */
  constructor(dataset: ImageDataset, options: LimitSkippedOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.#states = new Uint8Array(dataset.length);
    this.classes = dataset.classes;
    if (dataset.channels !== undefined) this.channels = dataset.channels;
    if (dataset.notes !== undefined) this.notes = dataset.notes;
    if (dataset.root !== undefined) this.root = dataset.root;
    if (dataset.valueRange !== undefined) this.valueRange = dataset.valueRange;
    if (dataset.groups !== undefined) this.groups = dataset.groups;
    Object.assign(
      this,
      forwardedMembers([dataset], (_what, index) => ({ dataset, index })),
    );
    if (dataset.fingerprint !== undefined) this.fingerprint = () => dataset.fingerprint!();
    if (dataset.identity !== undefined) this.identity = () => dataset.identity!();
  }

  get length(): number {
    return this.#dataset.length;
  }

  /** Different pictures that were tried so far. */
  get tried(): number {
    return this.#tried;
  }

  /** The bad pictures so far, each once, in the order in which they were met. */
  skipped(): readonly SkippedPicture[] {
    return this.#skipped;
  }

  path(index: number): string {
    return this.#dataset.path(index);
  }

  label(index: number): number {
    return this.#dataset.label(index);
  }

  /**
   * Picture `index`.
   *
   * @throws PictureError (rejects) If it is bad.
   * @throws TooManySkippedError (rejects) If it is bad and with it too many are.
   */
  async image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>> {
    try {
      const picture = await this.#dataset.image(index, request);
      this.#note(index, 1);
      return picture;
    } catch (error) {
      if (error instanceof PictureError) this.#fail(index, error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#dataset.close?.();
  }

  #note(index: number, state: 1 | 2): void {
    if (this.#states[index] === 0) this.#tried++;
    this.#states[index] = state;
    this.#lowest = Math.min(this.#lowest, index);
    this.#highest = Math.max(this.#highest, index);
  }

  #fail(index: number, { path, reason }: PictureError): void {
    const { maximumSkipped = 0.1, onSkipped } = this.#options;
    if (this.#states[index] !== 2) {
      this.#note(index, 2);
      const picture = { path, reason };
      this.#skipped.push(picture);
      onSkipped?.(picture);
    }
    checkSkipped(this.#skipped, {
      tried: this.#tried,
      total: this.length,
      maximumSkipped,
      sample: this.groups === undefined && this.#highest - this.#lowest >= fewestApart * this.#tried,
    });
  }
}

/**
 * The same data set, but when too many of its pictures cannot be read, reading one more bad one is a
 * `TooManySkippedError`, which loaders pass on instead of skipping the picture: a
 * disk that went away ends a run, and half of a data set is not mistaken for all of it. Bad pictures count against the
 * whole data set; while pictures are read in random order and one by
 * one (no groups), also against those tried so far, at least 20, with three standard deviations to spare. Fewer than 3
 * are never too many, unless none may be bad.
 *
 * @throws RangeError If the share is not between 0 and 1.
 */
export function limitSkipped(dataset: ImageDataset, options: LimitSkippedOptions = {}): LimitedDataset {
  const { maximumSkipped = 0.1 } = options;
  if (!(maximumSkipped >= 0 && maximumSkipped <= 1)) {
    throw new RangeError(
      `limitSkipped: maximumSkipped is ${maximumSkipped}; expected a share from 0 to 1, e.g. 0.1 for 10 %.`,
    );
  }
  return new LimitedDataset(dataset, options);
}
