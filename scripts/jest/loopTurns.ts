import { setImmediate } from "node:timers/promises";

/**
 * How often the event loop turns until `work` is done. What is done in the loop itself lets it turn once or twice for
 * each of its parts; while a pool or a device works, it turns thousands of times. Unlike a time or a share of it, that
 * holds on a machine that is busy with other things too.
 */
export async function loopTurns(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns++) await setImmediate();
  await done;
  return turns;
}
