import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { mkdir, rename, rm, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { statFile } from "./fileFacts.js";

/** Whether a shard is gzipped, by its name. */
export function isGzipped(path: string): boolean {
  return /\.(tar\.gz|tgz)$/i.test(path);
}

/**
 * The unpacked copy of a gzipped shard, made once: gzip has no way to read from the middle. The copy carries the time of change of its source, and is made anew where they differ.
 *
 * @throws Error (rejects) If no folder is given for the copy, or the file is damaged.
 */
export async function unpackShard(
  path: string,
  cacheFolder: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { mtime } = statFile("webDataset", path);
  if (cacheFolder === undefined) {
    throw new Error(
      `webDataset: ${path} is gzipped, and single pictures can only be read from a plain .tar. Unpack it (gunzip), or give a cacheFolder for the unpacked copy.`,
    );
  }
  const unique = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const copy = join(cacheFolder, `${basename(path).replace(/\.(tar\.gz|tgz)$/i, "")}-${unique}.tar`);
  if (statSync(copy, { throwIfNoEntry: false })?.mtime.getTime() === mtime.getTime()) return copy;
  await mkdir(cacheFolder, { recursive: true });
  const beside = `${copy}.${process.pid}.part`;
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      createWriteStream(beside),
      signal === undefined ? {} : { signal },
    );
    await utimes(beside, mtime, mtime);
    await rename(beside, copy);
  } catch (error) {
    await rm(beside, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("Z_") !== true) throw error;
    throw new Error(`${path} cannot be unpacked (${message}). It is cut short or damaged: get it anew.`, {
      cause: error,
    });
  }
  return copy;
}
