import { stepMemory } from "../estimate/stepMemory.js";
import { stepOperations } from "../estimate/stepOperations.js";
import type { StepSettings } from "../estimate/stepSizes.js";
import type { Config } from "./config.js";

/** Fewest pictures of a micro-batch and of a batch that memory makes smaller. */
const leastPictures = 4;

/** What memory made of a step. */
export interface MemoryFit {
  /** Pictures a step. */
  readonly batch: number;
  /** Micro-batches. */
  readonly accumulate: number;
  /** Whether blocks run once more in the backward pass. */
  readonly recompute: boolean;
}

/**
 * The quickest way to take a step within the memory: the whole batch at once; else in micro-batches or with `recompute`; else a smaller batch. What is given stays.
 *
 * @param settings The step as it would be with memory enough.
 * @param given The fields that are given.
 * @param room Bytes that a step may take.
 * @returns null where nothing fits.
 */
export function fitMemory(settings: StepSettings, given: Config, room: number): MemoryFit | null {
  const fewest = given.batch === undefined ? Math.min(leastPictures, settings.batch) : settings.batch;
  for (let { batch } = settings; batch >= fewest; batch = Math.floor(batch / 2)) {
    const ways = waysOf({ ...settings, batch }, given).filter((way) => stepMemory(way) <= room);
    ways.sort((a, b) => workOf(a) - workOf(b));
    const [way] = ways;
    if (way !== undefined) return { batch, accumulate: way.accumulate, recompute: way.recompute };
  }
  return null;
}

/** In how many micro-batches, and with `recompute` or without. */
function waysOf(settings: StepSettings, given: Config): StepSettings[] {
  const { batch } = settings;
  const counts = [1, 2, 4, 8, 16, 32, 64, 128].filter(
    (count) => count === 1 || (batch % count === 0 && batch / count >= leastPictures),
  );
  return (given.accumulate === undefined ? counts : [given.accumulate]).flatMap((accumulate) =>
    (given.recompute === undefined ? [false, true] : [given.recompute]).map((recompute) => ({
      ...settings,
      accumulate,
      recompute,
    })),
  );
}

function workOf(settings: StepSettings): number {
  const { blocks, words } = stepOperations(settings);
  // Of two ways with the same work, the one with fewer and larger products.
  return (blocks + words) * (1 + settings.accumulate / 1000);
}
