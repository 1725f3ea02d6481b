// The child's half of a side that runs in Node.js; tools/reference/bench_step.py has the same in Python. A side sets
// itself up, says "ready", and then answers each line of standard input with one line: "round <seconds>" runs steps
// until that much time has passed and answers { steps, seconds }, "memory" answers { peakBytes }.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** What marks an answer, since a library may print on standard output too. */
export const mark = "@bench ";

const answer = (value) => process.stdout.write(`${mark}${JSON.stringify(value)}\n`);

/** The most memory that this process has had in RAM, in bytes; null where the system does not say. */
function peakBytes() {
  try {
    return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  } catch {
    return null;
  }
}

/** Runs steps for at least so many seconds, at least one. */
async function runFor(step, enough) {
  const start = performance.now();
  let steps = 0;
  let seconds = 0;
  while (steps === 0 || seconds < enough) {
    await step();
    steps++;
    seconds = (performance.now() - start) / 1000;
  }
  return { steps, seconds };
}

/**
 * Serves a side until standard input ends.
 *
 * @param {object} side
 * @param {Record<string, unknown>} side.information What "ready" says besides.
 * @param {() => Promise<unknown>} [side.step] Runs one step; resolves when it is computed.
 * @param {(seconds: number) => Promise<{ steps: number, seconds: number }>} [side.round] Default: steps for so many
 *   seconds.
 */
export async function serve({ information, step, round = (seconds) => runFor(step, seconds) }) {
  answer({ ready: true, ...information });
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument] = line.split(" ");
    if (command === "memory") answer({ peakBytes: peakBytes() });
    if (command === "round") answer(await round(Number(argument)));
  }
}
