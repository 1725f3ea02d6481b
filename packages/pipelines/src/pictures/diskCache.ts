import {
  checkSkipped,
  defaultCacheBytes,
  defaultCacheFolder,
  hasPictureCache,
  type ImageDataset,
  type PictureCache,
  pictureCache,
  TooManySkippedError,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { picturesBytes } from "../estimate/runMemory.js";
import type { PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";
import type { Terminal } from "../terminal/terminal.js";

/** A run that may have its decoded pictures on disk. */
export interface DiskCacheRequest {
  readonly config: Pick<LoopSettings, "cache" | "cacheFolder" | "steps" | "batch" | "maximumSkipped">;
  readonly facts: PictureFacts;
  /** The short side to which pictures are reduced. */
  readonly decodeSize: number;
  readonly signal?: AbortSignal;
}

/** Passes over the pictures that do not pay for writing them down: decoding once more is as quick. */
const fewPasses = 2;

/**
 * Whether a run with `cache: "auto"` keeps its decoded pictures on disk: if they do not fit into memory, where they
 * would be decoded again in every epoch, and the run passes over them more than twice.
 */
export function wantsDiskCache(
  { config, facts, decodeSize }: DiskCacheRequest,
  memoryBytes: number,
): boolean {
  const bytes = picturesBytes(facts, decodeSize);
  const passes =
    config.steps === null ? Number.POSITIVE_INFINITY : (config.steps * config.batch) / facts.count;
  return bytes > memoryBytes && passes > fewPasses;
}

/**
 * The decoded pictures of a run on disk, built now where they are not there yet; null where the run goes without. That
 * the disk is too small or cannot be written is an error where `cache` is `"on"`, and a warning with `"auto"`.
 */
export async function openDiskCache(
  device: Device,
  dataset: ImageDataset,
  request: DiskCacheRequest,
  terminal: Terminal,
): Promise<PictureCache | null> {
  const { config, facts: _, ...limits } = request;
  const { decodeSize, signal } = limits;
  const folder = config.cacheFolder === null ? {} : { folder: config.cacheFolder };
  if (config.cache === "off") return null;
  if (config.cache === "auto") {
    const possible =
      dataset.fingerprint !== undefined && (config.cacheFolder !== null || defaultCacheFolder() !== null);
    const wanted =
      possible &&
      (wantsDiskCache(request, defaultCacheBytes()) ||
        (await hasPictureCache(dataset, { decodeSize, ...folder })));
    if (!wanted) return null;
  }
  try {
    const cache = await pictureCache(dataset, {
      ...{ device, ...limits, ...folder },
      onProgress: ({ done, total, bytes, waiting }) => {
        const share = `${Math.floor((100 * done) / total)} % of ${total.toLocaleString("en")} pictures`;
        terminal.progress(
          waiting
            ? `cache: another run decodes the pictures, ${share}`
            : `cache: decoding the pictures once, ${share}, ${(bytes / 1e9).toFixed(1)} GB`,
          done === total,
        );
      },
    });
    terminal.endProgress();
    const { length: total } = cache;
    const { maximumSkipped } = config;
    checkSkipped(cache.skipped(), { tried: total, total, maximumSkipped, sample: true });
    if (cache.rebuilt !== null) terminal.warn(`the cache in ${cache.path} was built again: ${cache.rebuilt}`);
    terminal.line(
      `${terminal.style.bold("cache")}: ${(cache.bytes / 1e9).toFixed(2)} GB of decoded pictures in ${cache.path}`,
    );
    return cache;
  } catch (error) {
    terminal.endProgress();
    if (signal?.aborted) return null; // what is stored stays, and training stops by the same signal
    if (config.cache === "on" || error instanceof TooManySkippedError) throw error;
    terminal.warn(`the pictures are decoded again in each epoch: ${(error as Error).message}`);
    return null;
  }
}
