import { createHash } from "node:crypto";
import { type Stats, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileOf } from "../fileNames.js";
import { shownName } from "../shownName.js";

/** Files that are looked at between two pauses for the event loop. */
export const filesAPause = 1000;

/**
 * A hash of names, sizes and times of change.
 *
 * @param what What distinguishes data sets of the same files: the format and its options.
 * @param paths The files, in the order of the data set. One that is not there counts as such.
 */
export async function fingerprintFiles(what: unknown, paths: Iterable<string>): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(what));
  let count = 0;
  for (const path of paths) {
    const status = statOrNull(path);
    hash
      .update("\0")
      .update(fileOf(path))
      .update(`\0${status === null ? "missing" : `${status.size} ${status.mtimeMs}`}`);
    if (++count % filesAPause === 0) await setImmediate();
  }
  return hash.digest("hex").slice(0, 32);
}

/** A short text for a path, for the names of files that are made of it elsewhere. */
export function pathHash(path: string): string {
  return createHash("sha256").update(fileOf(path)).digest("hex").slice(0, 16);
}

/**
 * The facts of a file or folder; null where it is not there or cannot be read. Synchronous: a million of them take 3 s,
 * through promises 20 s.
 */
export function statOrNull(path: string): Stats | null {
  try {
    return statSync(fileOf(path), { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** How many bytes a file has; −1: there is none, or it is of another kind. */
export function fileLength(path: string): number {
  const status = statOrNull(path);
  return status?.isFile() ? status.size : -1;
}

/**
 * The facts of a file that must be there.
 *
 * @param reader Who asks, for the message.
 * @throws Error If it is not there, cannot be read or is not a file.
 */
export function statFile(reader: string, path: string): Stats {
  let status: Stats | undefined;
  try {
    status = statSync(fileOf(path), { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${reader}: ${shownName(path)} cannot be read (${code}). Check its permissions.`, {
      cause: error,
    });
  }
  if (status === undefined) {
    throw new Error(
      `${reader}: there is no file ${shownName(path)}. Check the path; a relative one starts at ${process.cwd()}.`,
    );
  }
  if (!status.isFile()) throw new Error(`${reader}: ${shownName(path)} is not a file; expected one.`);
  return status;
}
