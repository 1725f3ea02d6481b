import type { Config } from "./config.js";
import type { PretrainingSettings } from "./runSettings.js";
import type { CostOf } from "./stepSettings.js";

/** Fewest pictures of a micro-batch and of a batch that memory makes smaller. */
const leastPictures = 4;

/** What decides what memory a step takes, besides the model. */
export type MemoryFit = Pick<PretrainingSettings, "batch" | "accumulate" | "recompute">;

/**
 * The quickest way to take a step within the memory: the whole batch at once; else in micro-batches or with
 * `recompute`; else a smaller batch. What is given stays.
 *
 * @param settings The step as it would be with memory enough.
 * @param given The fields that are given.
 * @param room Bytes that a step may take.
 * @param costOf What a step takes.
 * @returns null where nothing fits.
 */
export async function fitMemory<Settings extends MemoryFit>(
  settings: Settings,
  given: Config,
  room: number,
  costOf: CostOf<Settings>,
): Promise<Settings | null> {
  const memoryOf = async (way: MemoryFit) => (await costOf({ ...settings, ...way })).memoryBytes;
  const fewest = given.batch === undefined ? Math.min(leastPictures, settings.batch) : settings.batch;
  const batches = halvesOf(settings.batch, fewest);
  for (const batch of batches) {
    const ways = waysOf(batch, given);
    // The one that takes the most memory is the quickest; the one that takes the least says whether any fits.
    const [first, last] = [ways[0]!, ways.at(-1)!];
    if ((await memoryOf(first)) <= room) return { ...settings, ...first };
    // A model that is much too large is not counted in every way.
    if (batch === settings.batch && (await memoryOf(waysOf(batches.at(-1)!, given).at(-1)!)) > room)
      return null;
    if ((await memoryOf(last)) > room) continue;
    let quickest: { readonly way: MemoryFit; readonly seconds: number } | null = null;
    for (const recompute of new Set(ways.map((way) => way.recompute))) {
      // Of the micro-batches that fit, the largest are the quickest.
      for (const way of ways.filter((each) => each.recompute === recompute)) {
        const { memoryBytes, secondsPerStep: seconds } = await costOf({ ...settings, ...way });
        if (memoryBytes > room) continue;
        if (quickest === null || seconds < quickest.seconds) quickest = { way, seconds };
        break;
      }
    }
    return { ...settings, ...quickest!.way };
  }
  return null;
}

/** A batch, and its halves down to the fewest pictures. */
function halvesOf(batch: number, fewest: number): number[] {
  return batch < fewest ? [] : [batch, ...halvesOf(Math.floor(batch / 2), fewest)];
}

/** In how many micro-batches, and with `recompute` or without: the most memory first, the least last. */
function waysOf(batch: number, given: Config): MemoryFit[] {
  const counts = [1, 2, 4, 8, 16, 32, 64, 128].filter(
    (count) => count === 1 || (batch % count === 0 && batch / count >= leastPictures),
  );
  return (given.recompute === undefined ? [false, true] : [given.recompute]).flatMap((recompute) =>
    (given.accumulate === undefined ? counts : [given.accumulate]).map((accumulate) => ({
      ...{ batch, accumulate, recompute },
    })),
  );
}
