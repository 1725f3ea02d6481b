import type { Device } from "./device.js";

/** What a device's queue costs. */
export interface QueueCosts {
  /** Seconds of a call that does almost nothing, with what lies between two calls. */
  readonly secondsPerCall: number;
  /** Seconds to hand one task to every thread and to wait for the last of them; 0 with one thread. */
  readonly secondsPerBarrier: number;
}

const rounds = 5;
const calls = 200;

/**
 * Measures what the queue costs: the best of several rounds of a few hundred calls. Takes some milliseconds.
 * @param device - its queue should be empty
 * @throws Error if its backend cannot profile.
 */
export async function measureQueueCosts(device: Device): Promise<QueueCosts> {
  const { threads } = device;
  const output = { buffer: device.allocate(4 * threads), byteOffset: 0 };
  const best = async (enqueue: () => void): Promise<number> => {
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      device.startProfile();
      for (let call = 0; call < calls; call++) enqueue();
      seconds.push((await device.stopProfile()).duration / 1e9 / calls);
    }
    return Math.min(...seconds);
  };
  /** A kernel of `tasks` tasks of some nanoseconds each. */
  const tasks = (tasks: number) => () =>
    device.run("multiplyAdds", "float32", { output, tasks, steps: 0, scale: 1, offset: 0 });
  try {
    const secondsPerCall = await best(() => device.run("fill", "float32", { output, size: 1, value: 1 }));
    const [shared, alone] = [await best(tasks(threads)), await best(tasks(1))];
    return { secondsPerCall, secondsPerBarrier: threads === 1 ? 0 : Math.max(0, shared - alone) };
  } finally {
    output.buffer.dispose();
  }
}
