// Runs the sides of one comparison in alternating rounds.
import { NotMeasured, Side } from "./side.mjs";

/** Sides take turns of at least this long. */
const roundSeconds = 1;
/**
 * On a virtual machine, memory that a process touches for the first time comes from the host, page by page: a step's
 * first seconds took twice as long as its later ones.
 */
const warmUpSeconds = 5;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What a side did.
 * @typedef {object} Measured
 * @property {number | null} seconds Median time of a step; null if it was not measured.
 * @property {number | null} peakBytes The most memory that it had, set-up included.
 * @property {Record<string, unknown>} information What it says of itself.
 * @property {string | null} note Why it was not measured, and how to mend that.
 */

/**
 * Starts every side, then gives each its turn, round after round, so that a slower or faster hour of the machine meets
 * all; only one computes at a time.
 *
 * @param {Record<string, { start: object, rounds?: number }>} sides `rounds`: fewer rounds than the others get, and no
 *   warm-up, for a side whose speed does not matter or that takes minutes.
 * @param {{ rounds: number, progress: (text: string) => void }} options
 * @returns {Promise<Record<string, Measured>>}
 */
export async function measure(sides, { rounds, progress }) {
  const open = {};
  const results = {};
  try {
    for (const [name, { start }] of Object.entries(sides)) {
      progress(`setting up ${name}`);
      results[name] = { seconds: null, peakBytes: null, information: {}, note: null };
      try {
        open[name] = await Side.open(start);
        results[name].information = open[name].information;
      } catch (error) {
        if (!(error instanceof NotMeasured)) throw error;
        results[name].note = error.message;
      }
    }
    const times = Object.fromEntries(Object.keys(open).map((name) => [name, []]));
    for (const [name, side] of Object.entries(open)) {
      if (sides[name].rounds !== undefined) continue;
      progress(`warming up ${name}`);
      await side.round(warmUpSeconds);
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, side] of Object.entries(open)) {
        if (round >= (sides[name].rounds ?? rounds)) continue;
        progress(`round ${round + 1} of ${rounds}: ${name}`);
        times[name].push(await side.round(roundSeconds));
      }
    }
    for (const [name, side] of Object.entries(open)) {
      results[name].seconds = median(times[name]);
      results[name].peakBytes = await side.peakBytes();
    }
  } finally {
    await Promise.all(Object.values(open).map((side) => side.close()));
  }
  return results;
}
