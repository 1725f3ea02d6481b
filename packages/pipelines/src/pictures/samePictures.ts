import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { type DatasetIdentity, type ImageDataset, identityDifference } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";
import type { Terminal } from "../terminal/terminal.js";
import { type OpenPicturesOptions, openPictures } from "./pictures.js";

/** Pictures as a run folder records them. */
export interface RecordedPictures {
  /** Where they were, absolute. */
  readonly path: string;
  /** What they were; null where their format does not tell. */
  readonly identity: DatasetIdentity | null;
}

/** What pictures are; null where their format does not tell. */
export async function identityOf(dataset: ImageDataset): Promise<DatasetIdentity | null> {
  return (await dataset.identity?.()) ?? null;
}

/**
 * Checks that a run goes on with the pictures that it was started with, wherever they are now; where they have moved,
 * tells what was compared.
 *
 * @param what They, in words.
 * @param withLabels Whether their labels count.
 */
export async function checkSamePictures(
  what: string,
  before: RecordedPictures,
  { dataset, path }: { readonly dataset: ImageDataset; readonly path: string },
  terminal: Terminal,
  withLabels = false,
): Promise<void> {
  const now = await identityOf(dataset);
  const hasMoved = before.path !== resolve(path);
  if (before.identity === null || now === null) {
    if (!hasMoved) return;
    throw new UsageError(
      `--resume: ${what} were in ${before.path} and are now in ${path}, and nothing tells whether they are the ` +
        "same. Put them back, or start a new run in another folder.",
    );
  }
  const difference = identityDifference(before.identity, now, withLabels);
  if (difference !== null) {
    throw new UsageError(
      `--resume: ${what} in ${path} are not those that the run was started ` +
        `with${hasMoved ? `, from ${before.path}` : ""}: ${difference}. Put them back, or start a new run in ` +
        "another folder.",
    );
  }
  if (hasMoved) {
    terminal.line(
      `${what} were in ${before.path} and are now in ${path}: the same ${now.pictures}, by the names and sizes ` +
        `of all files and the content of ${now.content.length}`,
    );
  }
}

/**
 * Where a path is after a move of what lay beside it: where `/old/data/train` is now `/new/data/train`, `/old/labeled`
 * may be `/new/labeled`.
 * As it was where something is there still, or nothing is at the new place.
 */
export function movedAlong(
  path: string,
  { from, to }: { readonly from: string; readonly to: string },
): string {
  let [old, present] = [from, to];
  while (basename(old) === basename(present) && dirname(old) !== old && dirname(present) !== present)
    [old, present] = [dirname(old), dirname(present)];
  const absolute = resolve(path);
  const moved = join(present, relative(old, absolute));
  return existsSync(absolute) || !existsSync(moved) ? path : moved;
}

/** Opens pictures whose place a run folder records; the error names the option that gives another one. */
export async function openRecordedPictures(
  path: string,
  option: string,
  terminal: Terminal,
  options: OpenPicturesOptions,
): Promise<ImageDataset> {
  try {
    return await openPictures(path, terminal, options);
  } catch (error) {
    throw new Error(
      `${(error as Error).message} The run was started with the pictures there: if they have moved, give ` +
        `their new path with ${option}.`,
      { cause: error },
    );
  }
}
