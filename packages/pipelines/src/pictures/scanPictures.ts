import {
  checkSkipped,
  evenlySpaced,
  type ImageDataset,
  ImageFolder,
  PictureError,
  type SkippedPicture,
} from "@splitmask/data";
import type { PictureFacts } from "../settings/facts.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import { writeValueRange } from "../settings/valueRange.js";
import type { Terminal } from "../terminal/terminal.js";
import { closedOnError } from "./openFiles.js";
import { type OpenPicturesOptions, openPictures } from "./pictures.js";
import { warnOfUnread } from "./skipped.js";
import { chooseSubset, type SubsetChoice } from "./subset.js";

/** Headers that are read to learn how large the pictures are. */
const sampledHeaders = 200;

/** A source of pictures and what was learned of it. */
export interface ScannedPictures {
  /** The pictures that are chosen. */
  readonly dataset: ImageDataset;
  readonly facts: PictureFacts;
  /** The range of values that those of more than 8 bits are shown in; null where there are none. */
  readonly valueRange: string | null;
  /** Files of a folder that are not pictures. */
  readonly ignored: number;
  /** Pictures of the sample whose headers could not be read. */
  readonly unreadable: readonly SkippedPicture[];
}

/** How pictures are opened, which are chosen, and how many may be unreadable. */
export interface ScanOptions extends SubsetChoice, OpenPicturesOptions {
  /** Largest share of the pictures that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number | undefined;
}

/**
 * Opens pictures and reads the headers of a sample.
 *
 * @throws Error where there are no pictures, or too many of the sample cannot be read.
 */
export async function scanPictures(
  path: string,
  terminal: Terminal,
  options: ScanOptions,
): Promise<ScannedPictures> {
  const dataset = await openPictures(path, terminal, options);
  return closedOnError([dataset], () => scan(dataset, path, options));
}

async function scan(dataset: ImageDataset, path: string, options: ScanOptions): Promise<ScannedPictures> {
  const { maximumSkipped = defaultMaximumSkipped } = options;
  const indices = evenlySpaced(dataset.length, sampledHeaders);
  const sides: number[] = [];
  const unreadable: SkippedPicture[] = [];
  for (const index of indices) {
    try {
      sides.push(await shortSideOf(dataset, index));
    } catch (error) {
      const read = error instanceof PictureError;
      const { path: name, reason } = read
        ? error
        : { path: dataset.path(index), reason: (error as Error).message };
      unreadable.push({ path: name, reason });
    }
  }
  if (sides.length === 0) {
    const { path: name, reason } = unreadable[0]!;
    throw new Error(
      `${path}: none of the ${dataset.length} pictures can be read, e.g. ${name}: ${reason}. Give JPEG, PNG or ` +
        "WebP pictures.",
    );
  }
  checkSkipped(unreadable, { tried: indices.length, total: dataset.length, maximumSkipped, sample: true });
  const chosen = await chooseSubset(dataset, options);
  sides.sort((a, b) => a - b);
  return {
    dataset: chosen,
    facts: {
      count: chosen.length,
      shortSide: sides[Math.floor(sides.length / 2)]!,
      classes: chosen.classes.length,
    },
    valueRange: dataset.valueRange === undefined ? null : writeValueRange(dataset.valueRange),
    ignored: dataset instanceof ImageFolder ? dataset.ignored.length : 0,
    unreadable,
  };
}

/** Warns of the pictures of the sample that cannot be read. */
export function tellUnreadable(unreadable: readonly SkippedPicture[], terminal: Terminal): void {
  warnOfUnread(unreadable, "of the pictures looked at cannot be read", terminal);
}

async function shortSideOf(dataset: ImageDataset, index: number): Promise<number> {
  if (dataset.size === undefined) {
    const [height, width] = (await dataset.image(index)).shape as [number, number, number];
    return Math.min(height, width);
  }
  const { height, width } = await dataset.size(index);
  return Math.min(height, width);
}
