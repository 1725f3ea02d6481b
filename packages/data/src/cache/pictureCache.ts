import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { acquireFileLock, type FileLock, FileLockedError } from "@splitmask/files";
import { checksum, type Device, type DeviceBuffer } from "@splitmask/kernels";
import { PictureError, type SkippedPicture } from "../decoding/pictureError.js";
import type { ImageDataset } from "../imageDataset.js";
import { defaultWorkers } from "../loading/decodeQueue.js";
import type { HeldPicture } from "../loading/heldPicture.js";
import { buildCache, type CacheProgress } from "./buildCache.js";
import { cacheFiles, decodeBad, readComplete, readOrEmpty, recordBytes, segmentFile } from "./cacheFiles.js";
import { type CacheSettings, cacheSettings, defaultCacheFolder, folderOf } from "./cacheFolder.js";
import { CacheIndex } from "./cacheIndex.js";

/** Options of `pictureCache`. */
export interface PictureCacheOptions {
  /** What will read the pictures. */
  readonly device: Device;
  /**
   * Pictures whose short side is more than 1.5 times as long are reduced to so many pixels; null: full size. The
   * loader's must be the same.
   */
  readonly decodeSize: number | null;
  /**
   * Folder of all caches. Default: `SPLITMASK_CACHE`, else `splitmask` in `XDG_CACHE_HOME`, else `~/.cache/splitmask`.
   */
  readonly folder?: string;
  /**
   * Pictures that are decoded at the same time while it is built. Default: twice the cores, at most libuv's threads
   * (`UV_THREADPOOL_SIZE`, 4).
   */
  readonly workers?: number;
  /** Told about once a second while the cache is built. */
  readonly onProgress?: (progress: CacheProgress) => void;
  /** Stops building; what is stored stays. */
  readonly signal?: AbortSignal;
}

/**
 * The decoded pictures of a data set in files that are mapped, so that kernels read them in place and all processes
 * share one copy, which the system drops from memory and reads
 * again as it likes. Each picture's checksum is looked at when it is first used. Made by `pictureCache`; handed to a
 * loader.
 */
export class PictureCache {
  /** The folder that holds it. */
  readonly path: string;
  /** How many pictures it was made of. */
  readonly length: number;
  /** The short side to which pictures are reduced; null: full size. */
  readonly decodeSize: number | null;
  /** What was wrong with the files that were there before, if they had to be thrown away; null: nothing. */
  readonly rebuilt: string | null;
  readonly #device: Device;
  readonly #dataset: ImageDataset;
  readonly #channels: number;
  readonly #index: CacheIndex;
  readonly #bad: ReadonlyMap<number, string>;
  readonly #segments: DeviceBuffer[];
  readonly #verified: Uint8Array;
  #damaged = 0;

  /** @internal Use `pictureCache`. */
  constructor(
    path: string,
    device: Device,
    dataset: ImageDataset,
    { length, decodeSize, channels }: CacheSettings,
    files: {
      readonly index: CacheIndex;
      readonly bad: ReadonlyMap<number, string>;
      readonly segments: DeviceBuffer[];
    },
    rebuilt: string | null,
  ) {
    this.path = path;
    this.length = length;
    this.decodeSize = decodeSize;
    this.rebuilt = rebuilt;
    this.#device = device;
    this.#dataset = dataset;
    this.#channels = channels;
    this.#index = files.index;
    this.#bad = files.bad;
    this.#segments = files.segments;
    this.#verified = new Uint8Array(length);
  }

  /** Bytes of the pictures' files. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The pictures that could not be decoded when it was built, and why. */
  skipped(): SkippedPicture[] {
    return Array.from(this.#bad, ([index, reason]) => ({ path: this.#dataset.path(index), reason }));
  }

  /** Pictures whose checksum was found to be wrong, so that they were decoded again. */
  get damagedPictures(): number {
    return this.#damaged;
  }

  /**
   * Picture `index` in the mapped file; null if it is damaged there.
   *
   * @throws PictureError (rejects) If it could not be decoded when the cache was built.
   */
  async get(index: number): Promise<HeldPicture | null> {
    const reason = this.#bad.get(index);
    if (reason !== undefined) throw new PictureError(this.#dataset.path(index), reason);
    const { segments, offsets, heights, widths, checksums } = this.#index;
    const buffer = this.#segments[segments[index]!];
    if (buffer === undefined) throw new Error(`pictureCache: ${this.path} was closed.`);
    const [height, width] = [heights[index]!, widths[index]!];
    const place = { buffer, byteOffset: offsets[index]! };
    const bytes = height * width * this.#channels;
    const state = this.#verified[index];
    if (state === damaged) return null;
    buffer.retain();
    if (state === verified) {
      this.#device.prefetch(place, bytes);
    } else if ((await this.#device.checksum(place, bytes)) === checksums[index]) {
      this.#verified[index] = verified;
    } else {
      buffer.release();
      this.#damaged++;
      this.#verified[index] = damaged;
      return null;
    }
    return { ...place, height, width, release: () => buffer.release() };
  }

  /** Lets the files go; pictures that are held stay valid. */
  close(): void {
    for (const segment of this.#segments.splice(0)) segment.release();
  }
}

const verified = 1;
const damaged = 2;

/**
 * The cache of a data set on disk; where it is not there yet, or not whole, it is built now: every picture is decoded
 * once, in parallel, and stored. A build that was cut off, by whatever
 * means, goes on where it was. Two processes that want the same one share the work: one builds, the other waits.
 *
 * @throws TypeError (rejects) If the data set has no `fingerprint()`.
 * @throws Error (rejects) If the folder cannot be written, or the disk is too small.
 */
export async function pictureCache(
  dataset: ImageDataset,
  options: PictureCacheOptions,
): Promise<PictureCache> {
  const { device, decodeSize, workers = defaultWorkers(), onProgress, signal } = options;
  if (dataset.length === 0)
    throw new RangeError("pictureCache: the data set is empty; expected at least one picture.");
  const root = options.folder === undefined ? defaultCacheFolder() : resolve(options.folder);
  if (root === null) {
    throw new Error(
      "pictureCache: SPLITMASK_CACHE is off and no folder is given. Give one, or go without a cache.",
    );
  }
  const settings = await cacheSettings(dataset, decodeSize);
  const folder = folderOf(root, settings);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `pictureCache: the folder ${folder} cannot be made (${code ?? message}). ` +
        "Choose another one (SPLITMASK_CACHE, or the option folder), or go without a cache.",
      { cause: error },
    );
  }
  let rebuilt: string | null = null;
  for (;;) {
    const opened = await openCache(folder, device, dataset, settings, rebuilt);
    if (opened instanceof PictureCache) return opened;
    const lock = await lockOrWait(folder, settings, onProgress, signal);
    if (lock === null) continue;
    try {
      // Another process may have completed it since the look above.
      const state = await openCache(folder, device, dataset, settings, rebuilt);
      if (state instanceof PictureCache) return state;
      if (state.problem !== null) {
        rebuilt = state.problem;
        for (const name of await readdir(folder)) {
          if (!name.startsWith(cacheFiles.lock)) await rm(join(folder, name), { recursive: true });
        }
      }
      await buildCache({ dataset, settings, folder, workers, onProgress, signal });
    } finally {
      await lock.release();
    }
    // The journal has done its work.
    await rm(join(folder, cacheFiles.journal), { force: true });
  }
}

/**
 * Whether the cache of a data set is on the disk already, complete as far as can be told without opening it.
 *
 * @param dataset The pictures; without a `fingerprint()` there is none.
 * @param options What `pictureCache` would get.
 */
export async function hasPictureCache(
  dataset: ImageDataset,
  options: Pick<PictureCacheOptions, "decodeSize" | "folder">,
): Promise<boolean> {
  const root = options.folder === undefined ? defaultCacheFolder() : resolve(options.folder);
  if (root === null || dataset.fingerprint === undefined) return false;
  const folder = folderOf(root, await cacheSettings(dataset, options.decodeSize));
  const complete = await readComplete(folder);
  return complete !== null && complete !== "damaged";
}

/** The cache in a folder; else what is wrong with it (null: it is not complete). */
async function openCache(
  folder: string,
  device: Device,
  dataset: ImageDataset,
  settings: CacheSettings,
  rebuilt: string | null,
): Promise<PictureCache | { readonly problem: string | null }> {
  const complete = await readComplete(folder);
  if (complete === null) return { problem: null };
  if (complete === "damaged") return { problem: `${cacheFiles.complete} is damaged` };
  if (JSON.stringify(complete.settings) !== JSON.stringify(settings)) {
    return { problem: `${cacheFiles.complete} is of other settings` };
  }
  const bytes = await readOrEmpty(join(folder, cacheFiles.index));
  if (
    bytes.length !== CacheIndex.bytesFor(settings.length) ||
    checksum(bytes).toString(16) !== complete.checksums.index
  ) {
    return { problem: `${cacheFiles.index} is damaged` };
  }
  const badText = await readOrEmpty(join(folder, cacheFiles.bad));
  if (checksum(badText).toString(16) !== complete.checksums.bad) {
    return { problem: `${cacheFiles.bad} is damaged` };
  }
  const paths = complete.segments.map((_, number) => join(folder, segmentFile(number)));
  for (const [number, expected] of complete.segments.entries()) {
    const size = (await stat(paths[number]!).catch(() => null))?.size ?? 0;
    if (size !== expected)
      return { problem: `${segmentFile(number)} has ${size} bytes instead of ${expected}` };
  }
  const copy = new Uint8Array(bytes.length); // aligned for its columns
  copy.set(bytes);
  const index = new CacheIndex(settings.length, copy);
  if (index.segments.some((segment, picture) => index.heights[picture]! > 0 && segment >= paths.length)) {
    return { problem: `${cacheFiles.complete} is damaged` };
  }
  const segments = complete.segments.map((size, number) => device.mapFile(paths[number]!, size));
  const now = new Date();
  await utimes(join(folder, cacheFiles.complete), now, now).catch(() => undefined); // when it was last used
  const bad = new Map(decodeBad(badText.toString()).map(({ index, reason }) => [index, reason]));
  return new PictureCache(folder, device, dataset, settings, { index, bad, segments }, rebuilt);
}

/** The right to build; null after a while in which another process has had it. */
async function lockOrWait(
  folder: string,
  { length }: CacheSettings,
  onProgress: PictureCacheOptions["onProgress"],
  signal: AbortSignal | undefined,
): Promise<FileLock | null> {
  try {
    return await acquireFileLock(join(folder, cacheFiles.lock), "picture cache");
  } catch (error) {
    if (!(error instanceof FileLockedError) || error.elsewhere) throw error;
    const journal = await stat(join(folder, cacheFiles.journal)).catch(() => null);
    const done = Math.min(length, Math.floor((journal?.size ?? 0) / recordBytes));
    onProgress?.({ done, total: length, bytes: 0, waiting: true });
    await wait(500, undefined, signal === undefined ? {} : { signal });
    return null;
  }
}
