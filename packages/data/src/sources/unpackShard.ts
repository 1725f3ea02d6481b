import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, statfs, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fileOf } from "../fileNames.js";
import { pathHash, statFile, statOrNull } from "./fileFacts.js";

/** Whether a shard is gzipped, by its name. */
export function isGzipped(path: string): boolean {
  return /\.(tar\.gz|tgz)$/i.test(path);
}

/** Bytes of a disk that stay free. */
const spareBytes = 256 * 2 ** 20;

/**
 * The unpacked copy of a gzipped shard, made once: gzip has no way to read from the middle. The copy carries the time
 * of change of its source, and is made anew where they differ.
 *
 * @param folder Where copies lie; null: nowhere.
 * @throws Error (rejects) If there is no folder for the copy, its disk is too small, or the file is damaged.
 */
export async function unpackShard(
  path: string,
  folder: string | null,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { mtime, size } = statFile("webDataset", path);
  if (folder === null) {
    throw new Error(
      `webDataset: ${path} is gzipped, and single pictures can only be read from a plain .tar. Unpack it ` +
        `(${byHand(path)}), or give a cacheFolder for the unpacked copy (SPLITMASK_CACHE is off).`,
    );
  }
  const copy = join(folder, `${basename(path).replace(/\.(tar\.gz|tgz)$/i, "")}-${pathHash(path)}.tar`);
  if (statOrNull(copy)?.mtime.getTime() === mtime.getTime()) return copy;
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  requireRoom(path, folder, await unpackedBytes(path, size), bavail * bsize);
  const beside = `${copy}.${process.pid}.part`;
  try {
    await pipeline(
      createReadStream(fileOf(path)),
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

const byHand = (path: string) => `gunzip -k ${JSON.stringify(path)}, and open the .tar file`;

/**
 * @param bytes What the unpacked copy needs.
 * @param free What the disk has.
 * @throws Error If that is too little.
 */
export function requireRoom(path: string, folder: string, bytes: number, free: number): void {
  if (bytes + spareBytes <= free) return;
  const shown = (count: number) => `${(count / 1e9).toFixed(1)} GB`;
  throw new Error(
    `webDataset: ${path} is gzipped, and its unpacked copy needs about ${shown(bytes)}; ${folder} has ` +
      `${shown(free)} free. Give another folder with cacheFolder (--cache-folder, or SPLITMASK_CACHE), or unpack ` +
      `it yourself (${byHand(path)}).`,
  );
}

/**
 * Roughly how much a gzipped file holds: its last four bytes say that but for multiples of 4 GiB, and pictures hardly
 * shrink.
 */
async function unpackedBytes(path: string, size: number): Promise<number> {
  const file = await open(fileOf(path));
  try {
    const last = Buffer.alloc(4);
    await file.read(last, 0, 4, Math.max(0, size - 4));
    const known = last.readUInt32LE();
    return known + 2 ** 32 * Math.max(0, Math.round((size - known) / 2 ** 32));
  } finally {
    await file.close();
  }
}
