import { lastCacheBytes } from "./cpuInfo.js";
import { createDevice, type DeviceOptions } from "./createDevice.js";
import type { Device } from "./device.js";
import type { BufferArgument } from "./kernelArguments.js";

/** The most that a machine can do with the threads of one device. */
export interface MachineLimits {
  /** Float32 operations per second of a loop of multiply-adds that stays in registers. */
  readonly multiplyAdds: number;
  /**
   * Operations per second of the bfloat16 dot instruction, in registers too; null if the device's instruction set has
   * none.
   */
  readonly bfloat16Dots: number | null;
  /** Bytes per second, read plus written, of a copy that is several times larger than the last-level cache. */
  readonly memory: number;
  /** Bytes per second, read plus written, of a repeated copy that takes a quarter of the last-level cache. */
  readonly lastCache: number;
  /** Size of the whole last-level cache in bytes; 32 MiB if the system does not report it. */
  readonly lastCacheBytes: number;
}

const rounds = 7;
/** Copies within the cache take some 50 µs, so a thread that wakes late would show: more rounds. */
const cacheRounds = 60;
const smallestSweep = 128 << 20;

/**
 * Measures the limits with kernels of the table, on a device that it makes and closes. Each limit is the best of
 * several rounds. Takes about a tenth of a second; nothing else should run meanwhile.
 */
export async function measureLimits(
  options: Pick<DeviceOptions, "threads" | "instructionSet"> = {},
): Promise<MachineLimits> {
  const device = createDevice(options);
  try {
    const wholeLast = lastCacheBytes();
    return {
      multiplyAdds: await multiplyAddRate(device),
      bfloat16Dots: device.instructionSet === "avx512bf16" ? await bfloat16Rate(device) : null,
      memory: await copyRate(device, Math.max(smallestSweep, 4 * wholeLast), rounds),
      lastCache: await copyRate(device, wholeLast / 4, cacheRounds),
      lastCacheBytes: wholeLast,
    };
  } finally {
    device.close();
  }
}

/** The shortest of `rounds` rounds after a first one that does not count, in seconds. */
async function shortest(device: Device, rounds: number, enqueue: () => void): Promise<number> {
  device.startProfile();
  for (let round = 0; round <= rounds; round += 1) enqueue();
  const { calls } = await device.stopProfile();
  return Math.min(...calls.slice(1).map((call) => call.duration)) / 1e9;
}

const tasksOf = (device: Device): number => 8 * device.threads;
const steps = 100_000;

async function multiplyAddRate(device: Device): Promise<number> {
  const tasks = tasksOf(device);
  const output = space(device, 4 * tasks);
  const seconds = await shortest(device, rounds, () =>
    device.run("multiplyAdds", "float32", { output, tasks, steps, scale: 0.5, offset: 0.5 }),
  );
  return (512 * tasks * steps) / seconds;
}

async function bfloat16Rate(device: Device): Promise<number> {
  const tasks = tasksOf(device);
  const output = space(device, 4 * tasks);
  const seconds = await shortest(device, rounds, () =>
    device.run("bfloat16Dots", "float32", { output, tasks, steps, factor: 0.5 }),
  );
  return (1024 * tasks * steps) / seconds;
}

/** Half of `bytes` are read and half written. */
async function copyRate(device: Device, bytes: number, rounds: number): Promise<number> {
  const half = bytes / 2;
  const [output, input] = [space(device, half), space(device, half)];
  for (const buffer of [output, input])
    device.run("fill", "float32", { output: buffer, size: half / 4, value: 1 });
  const seconds = await shortest(device, rounds, () =>
    device.run("copyBytes", "float32", { output, input, bytes: half }),
  );
  return bytes / seconds;
}

function space(device: Device, bytes: number): BufferArgument {
  return { buffer: device.allocate(bytes), byteOffset: 0 };
}
