import type { Config } from "./config.js";
import type { CostOf, StepSettings } from "./stepSettings.js";

/** Fewest pictures of a micro-batch and of a batch that memory makes smaller. */
const leastPictures = 4;

type MemoryFit = Pick<StepSettings, "batch" | "accumulate" | "recompute">;

/**
 * The quickest way to take a step within the memory: the whole batch at once; else in micro-batches or with
 * `recompute`; else a smaller batch. What is given stays.
 *
 * @param settings The step with memory enough.
 * @param room Bytes that it may take.
 * @returns null where nothing fits.
 */
export async function fitMemory(
  settings: StepSettings,
  given: Config,
  room: number,
  costOf: CostOf,
): Promise<StepSettings | null> {
  const stepIn = (way: MemoryFit) => ({ ...settings, ...way });
  const fits = async (way: MemoryFit) => (await costOf(stepIn(way))).memoryBytes <= room;
  const fewest = given.batch === undefined ? Math.min(leastPictures, settings.batch) : settings.batch;
  const ways: MemoryFit[][] = [];
  for (let batch = settings.batch; batch >= fewest; batch = Math.floor(batch / 2))
    ways.push(waysOf(batch, given));
  const [whole, least] = [ways[0]![0]!, ways.at(-1)!.at(-1)!];
  if (await fits(whole)) return stepIn(whole);
  // A model that is much too large is not counted in every way.
  if (!(await fits(least))) return null;
  for (const waysOfBatch of ways) {
    if (!(await fits(waysOfBatch.at(-1)!))) continue;
    let quickest: { readonly step: StepSettings; readonly seconds: number } | null = null;
    for (const recompute of [false, true]) {
      for (const way of waysOfBatch.filter((each) => each.recompute === recompute)) {
        if (!(await fits(way))) continue;
        const step = stepIn(way);
        const { secondsPerStep: seconds } = await costOf(step);
        if (quickest === null || seconds < quickest.seconds) quickest = { step, seconds };
        break; // Of the micro-batches that fit, the largest are the quickest.
      }
    }
    return quickest!.step;
  }
  return null;
}

/** In how many micro-batches, and with `recompute` or without: the most memory first, the least last. */
function waysOf(batch: number, given: Config): MemoryFit[] {
  const counts = [1, 2, 4, 8, 16, 32, 64, 128].filter(
    (count) => count === 1 || (batch % count === 0 && batch / count >= leastPictures),
  );
  return (given.recompute === undefined ? [false, true] : [given.recompute]).flatMap((recompute) =>
    (given.accumulate === undefined ? counts : [given.accumulate]).map((accumulate) => {
      return { batch, accumulate, recompute };
    }),
  );
}
