import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import type { ImageDataset } from "../imageDataset.js";

/** Version of the files' layout, and of what is done to a picture before it is stored. */
const format = 1;

/** What decides the content of a cache; two runs with the same settings share one. */
export interface CacheSettings {
  /** Version of the layout. */
  readonly format: number;
  /** The data set's `fingerprint()`. */
  readonly fingerprint: string;
  /** How many pictures there are. */
  readonly length: number;
  /** Channels of a picture. */
  readonly channels: number;
  /** The short side to which pictures are reduced; null: full size. */
  readonly decodeSize: number | null;
  /** The decoder: another version may yield other pixels. */
  readonly decoder: string;
}

/**
 * Where caches lie unless a folder is given: `SPLITMASK_CACHE`, else `splitmask` in `XDG_CACHE_HOME`, else
 * `~/.cache/splitmask`.
 *
 * @returns null where `SPLITMASK_CACHE` is `off`.
 */
export function defaultCacheFolder(): string | null {
  const { SPLITMASK_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  if (own === "off") return null;
  if (own !== undefined && own !== "") return resolve(own);
  // The XDG specification: a relative path is to be ignored.
  return join(shared?.startsWith("/") ? shared : join(homedir(), ".cache"), "splitmask");
}

/**
 * The settings of a data set's cache.
 *
 * @throws TypeError (rejects) If the data set has no `fingerprint()`.
 */
export async function cacheSettings(
  dataset: ImageDataset,
  decodeSize: number | null,
): Promise<CacheSettings> {
  const fingerprint = await dataset.fingerprint?.();
  if (fingerprint === undefined) {
    throw new TypeError(
      "pictureCache: the data set has no fingerprint(), so a cache could not tell when its pictures have " +
        "changed. Give it one, or go without a cache on disk.",
    );
  }
  const { length, channels = 3 } = dataset;
  return { format, fingerprint, length, channels, decodeSize, decoder: `libvips ${sharp.versions.vips}` };
}

/** The folder of the cache with these settings. */
export function folderOf(root: string, settings: CacheSettings): string {
  const key = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 24);
  return join(picturesFolder(root), key);
}

/** The folder that holds unpacked shards, and indexes of shards that cannot lie beside them. */
export function shardsFolder(root: string): string {
  return join(root, "shards");
}

/** The folder that holds all caches of pictures. */
export function picturesFolder(root: string): string {
  return join(root, "pictures");
}
