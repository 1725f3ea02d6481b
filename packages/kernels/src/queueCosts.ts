import type { Device } from "./device.js";

/** How much time a device's queue takes. */
export interface QueueCosts {
  /** Seconds of a call that does almost nothing, with the queue's time between two calls. */
  readonly secondsPerCall: number;
  /** Seconds to hand one task to every thread and to wait for the last of them; 0 with one thread. */
  readonly secondsPerBarrier: number;
}

const rounds = 5;
const calls = 200;
/** A call of some milliseconds, during which JavaScript enqueues the measured ones, so that the queue never waits. */
const delay = { tasks: 1, steps: 400_000 };

/**
 * Measures how much time the queue takes: the best of five rounds of 200 calls. Takes a tenth of a second.
 * @param device - its queue should be empty
 * @throws Error if its backend cannot profile.
 */
export async function measureQueueCosts(device: Device): Promise<QueueCosts> {
  const { threads } = device;
  const output = { buffer: device.allocate(4 * threads), byteOffset: 0 };
  const chains = (tasks: number, steps: number) =>
    device.run("multiplyAdds", "float32", { output, tasks, steps, scale: 0.5, offset: 0.5 });
  const best = async (enqueue: () => void): Promise<number> => {
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      device.startProfile();
      chains(delay.tasks, delay.steps);
      for (let call = 0; call < calls; call++) enqueue();
      const profile = await device.stopProfile();
      const last = profile.calls.at(-1)!;
      seconds.push((last.start + last.duration - profile.calls[1]!.start) / 1e9 / calls);
    }
    return Math.min(...seconds);
  };
  try {
    const secondsPerCall = await best(() => device.run("fill", "float32", { output, size: 1, value: 1 }));
    const [shared, alone] = [await best(() => chains(threads, 0)), await best(() => chains(1, 0))];
    return { secondsPerCall, secondsPerBarrier: threads === 1 ? 0 : Math.max(0, shared - alone) };
  } finally {
    output.buffer.dispose();
  }
}
