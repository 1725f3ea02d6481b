import { evenlySpaced, type ImageDataset } from "@splitmask/data";
import { estimateRun } from "../estimate/runEstimate.js";
import { decodeSizeOf } from "../estimate/runMemory.js";
import { freeDiskBytes } from "../machine/freeDisk.js";
import { examineMachine } from "../machine/machine.js";
import { type DiskCacheRequest, wantsDiskCache } from "../pictures/diskCache.js";
import type { ScannedPictures } from "../pictures/scanPictures.js";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { RunSettings } from "../settings/runSettings.js";
import type { RunContext, RunKind, RunPlan } from "./runKind.js";

/** Pictures that are decoded to learn how long it takes. */
const sampledDecodes = 8;
/** Short side that they are reduced to, as those of most runs are. */
const usualDecodeSize = 128;

/**
 * Looks at pictures and machine, decides every setting, and estimates what the run takes.
 *
 * @param kind The kind of run.
 * @param context What it works with.
 */
export async function planRun<Settings extends RunSettings>(
  kind: RunKind<Settings, unknown>,
  context: RunContext,
): Promise<RunPlan<Settings>> {
  const pictures = await timedFacts(context.pictures.train);
  const machine = await examineMachine(context.device);
  const { choices, config, work } = await kind.decide(context, pictures, machine);
  return {
    ...{ config, choices, pictures, machine },
    ...estimateRun(config, work, pictures, machine, cachesOnDisk(config, pictures, machine)),
    freeDiskBytes: await freeDiskBytes(context.request.out),
  };
}

/** Whether a run is going to have its decoded pictures on disk. */
function cachesOnDisk(
  config: DiskCacheRequest["config"] & { readonly imageSize: number },
  facts: PictureFacts,
  { freeBytes }: MachineFacts,
): boolean {
  const request = { config, facts, decodeSize: decodeSizeOf(config) };
  return config.cache === "on" || (config.cache === "auto" && wantsDiskCache(request, freeBytes / 3));
}

/** Number and size of the pictures, and how long decoding one takes. */
async function timedFacts({ dataset, facts }: ScannedPictures): Promise<PictureFacts> {
  const decodeSeconds = await timeDecoding(dataset);
  return { ...facts, ...(decodeSeconds === null ? {} : { decodeSeconds }) };
}

/** Median time to decode a picture on one core, in seconds; null where none of a few can be decoded. */
async function timeDecoding(dataset: ImageDataset): Promise<number | null> {
  const times: number[] = [];
  for (const index of evenlySpaced(dataset.length, sampledDecodes)) {
    const started = performance.now();
    const decoded = await dataset.image(index, { shortSide: usualDecodeSize }).catch(() => null);
    if (decoded !== null) times.push((performance.now() - started) / 1000);
  }
  return times.length === 0 ? null : times.sort((a, b) => a - b)[times.length >> 1]!;
}
