import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { checksum } from "@splitmask/kernels";
import { PictureError } from "../decoding/pictureError.js";
import type { ImageDataset } from "../imageDataset.js";
import { type CompleteCache, cacheFiles, readOrEmpty, writeJson } from "./cacheFiles.js";
import type { CacheSettings } from "./cacheFolder.js";
import { CacheWriter } from "./cacheWriter.js";

/** How far the building of a cache is. */
export interface CacheProgress {
  /** Pictures that are stored or known to be bad. */
  readonly done: number;
  /** All pictures. */
  readonly total: number;
  /** Bytes of pixels stored so far. */
  readonly bytes: number;
  /** Whether another process builds it and this one waits. */
  readonly waiting: boolean;
}

/** What is built, from what and how. */
export interface BuildOptions {
  readonly dataset: ImageDataset;
  readonly settings: CacheSettings;
  /** The cache's folder; its lock is held. */
  readonly folder: string;
  /** Pictures that are decoded at the same time. */
  readonly workers: number;
  readonly onProgress?: ((progress: CacheProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** So much of the disk is left to others. */
const reserveBytes = 256 << 20;

/** From so many pictures on their mean size says how much room all will take. */
const sampledPictures = 16;

/**
 * Decodes every picture that is not in the folder yet and stores it, then the index. Called again after whatever end,
 * it goes on where it was.
 */
export async function buildCache(options: BuildOptions): Promise<void> {
  const { dataset, settings, folder, workers, onProgress, signal } = options;
  const { length } = dataset;
  signal?.throwIfAborted();
  await writeJson(folder, cacheFiles.settings, settings);
  let done = 0;
  const writer = new CacheWriter(folder, length, settings.channels, async (pictures) => {
    done += pictures;
    const bytes = writer.segments.reduce((sum, size) => sum + size, 0);
    onProgress?.({ done, total: length, bytes, waiting: false });
    await checkRoom(folder, bytes, done - writer.bad.size, length - done);
  });
  try {
    await writer.open();
    for (let picture = 0; picture < length; picture++) if (writer.has(picture)) done++;
    let next = 0;
    const request = settings.decodeSize === null ? {} : { shortSide: settings.decodeSize };
    const work = async (): Promise<void> => {
      while (next < length) {
        const picture = next++;
        if (writer.has(picture)) continue;
        signal?.throwIfAborted();
        let decoded: Awaited<ReturnType<ImageDataset["image"]>>;
        try {
          decoded = await dataset.image(picture, request);
        } catch (error) {
          if (!(error instanceof PictureError)) throw error;
          await writer.addBad(picture, error.reason);
          continue;
        }
        const [height, width] = decoded.shape as [number, number, number];
        const { data, offset } = decoded;
        await writer.add(
          picture,
          data.subarray(offset, offset + height * width * settings.channels),
          height,
          width,
        );
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: workers }, work));
    // Whatever ended it, what is decoded is kept.
    await writer.flush();
    const failed = ended.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await complete(folder, dataset, settings, writer);
  } catch (error) {
    throw explained(error, folder, done, length);
  } finally {
    await writer.close();
  }
}

/** The index, then the file that says that all is there. */
async function complete(
  folder: string,
  dataset: ImageDataset,
  settings: CacheSettings,
  { index, segments }: CacheWriter,
): Promise<void> {
  await writeFileDurably(join(folder, cacheFiles.index), index.bytes);
  const content: CompleteCache = {
    settings,
    source: dataset.path(0),
    segments,
    checksums: {
      index: checksum(index.bytes).toString(16),
      bad: checksum(await readOrEmpty(join(folder, cacheFiles.bad))).toString(16),
    },
  };
  await writeJson(folder, cacheFiles.complete, content);
}

/** @throws (rejects) Error If the pictures that are missing will not fit on the disk. */
async function checkRoom(folder: string, bytes: number, stored: number, missing: number): Promise<void> {
  if (stored < sampledPictures) return;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const needed = (bytes / stored) * missing;
  if (needed + (missing > 0 ? reserveBytes : 0) <= free) return;
  throw new Error(
    `the ${missing.toLocaleString("en")} pictures that are missing need about ${gigabytes(needed)}, ` +
      `and the disk has ${gigabytes(free)} left, of which ${gigabytes(reserveBytes)} are not touched`,
  );
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 0)} GB`;

/** Says what an error means for the cache and what can be done; errors that are not the disk's pass unchanged. */
function explained(error: unknown, folder: string, done: number, length: number): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const full: Record<string, string> = {
    ENOSPC: "the disk is full",
    EDQUOT: "this user may not store more on the disk",
    EFBIG: "the file may not become larger",
  };
  const what = code === undefined ? undefined : full[code];
  const room = message?.startsWith("the ") && message.includes("pictures that are missing need about");
  if (what === undefined && !room) return error;
  const reason = what === undefined ? message : `${what} (${code})`;
  return new Error(
    `pictureCache: ${folder} cannot hold the decoded pictures: ${reason}. Free some room, choose another ` +
      "folder (SPLITMASK_CACHE, or the option folder), a smaller decodeSize, or go without a cache. " +
      `The ${done} of ${length} pictures that are stored stay, and the next start goes on from there.`,
    { cause: error },
  );
}
