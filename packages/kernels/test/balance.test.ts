import {
  type BufferArgument,
  balanceOf,
  createDevice,
  type Device,
  type Profile,
  type ProfiledKernel,
} from "@splitmask/kernels";

const kernel = (size: number, serial: number, phases: number[][]): ProfiledKernel => ({
  ...{ kind: "kernel", kernel: "fill", dtype: "float32", numbers: { size }, buffers: ["output"], each: [] },
  ...{ start: 0, duration: 1e9, threadWait: 0, simulated: { serial, phases } },
});

test("each task goes to the thread that is free first; phases, serial parts and copies follow each other", () => {
  const profile: Profile = {
    ...{ duration: 1e12, waits: [], simulatedThreads: 2 },
    calls: [
      kernel(1, 1e9, [
        [3e9, 1e9, 1e9, 2e9], // 3 on one thread, 1 + 1 + 2 on the other
        [5e9], // one thread
      ]),
      kernel(2, 0, [[1e9, 1e9]]),
      { kind: "download", start: 0, duration: 2e9, bytes: 4 },
    ],
  };
  const { threads, seconds, speedUp, rows } = balanceOf(profile);
  expect(threads).toBe(2);
  expect(seconds).toBeCloseTo(17, 9);
  expect(speedUp).toBeCloseTo(17 / (1 + 4 + 5 + 1 + 2), 9);
  expect(rows.map(({ kernel }) => kernel)).toEqual(["fill", "download"]);
  expect(rows[0]).toMatchObject({ detail: "", calls: 2, phases: 1.5 });
  expect(rows[0]!.seconds).toBeCloseTo(15, 9);
  expect(rows[0]!.share).toBeCloseTo(15 / 17, 9);
  expect(rows[0]!.tasks).toBeCloseTo(7 / 3, 9);
  expect(rows[0]!.serial).toBeCloseTo(1 / 15, 9);
  expect(rows[0]!.largest).toBeCloseTo(3 / 7, 9);
  expect(rows[0]!.speedUp).toBeCloseTo(15 / 11, 9);
  expect(rows[1]).toMatchObject({ calls: 1, phases: 0, tasks: 0, serial: 1, largest: 0, speedUp: 1 });
});

test("a profile without simulated threads has no balance", () => {
  expect(() => balanceOf({ duration: 1, calls: [], waits: [], simulatedThreads: 0 })).toThrow(
    "balanceOf: the profile has no simulated threads; take it with startProfile({ simulatedThreads: 16 }).",
  );
});

describe("simulated threads", () => {
  let device: Device;
  beforeEach(() => {
    device = createDevice({ threads: 2 });
  });
  afterEach(() => device.close());

  const [m, n, k] = [200, 300, 70];
  const space = (elements: number): BufferArgument => ({
    buffer: device.allocate(4 * elements),
    byteOffset: 0,
  });

  test("get the tasks that real ones would, and give the same bits; the device's own come back", async () => {
    const [a, b, output, words] = [space(m * k), space(n * k), space(m * n), space(m)];
    const numbers = (size: number) => Float32Array.from({ length: size }, (_, index) => Math.sin(index));
    device.upload(a, numbers(m * k));
    device.upload(b, numbers(n * k));
    const work = () => {
      device.run("gemm", "float32", {
        ...{ output, a, b, m, n, k, batch: 1, alpha: 1, beta: 0, activation: 0, precision: 0 },
        ...{ transposeA: 0, transposeB: 1, aLeading: k, bLeading: k, outputLeading: n },
        ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
      });
      device.run("gemmArgmax", "float32", { output: words, a, b, m, n, k, precision: 0 });
      device.run("fill", "float32", { output: a, size: 1, value: 0 });
    };
    const bits = async () => [await device.download(output, 4 * m * n), await device.download(words, 4 * m)];
    const profiles: Profile[] = [];
    const results: Promise<ArrayBuffer[]>[] = [];
    for (const simulatedThreads of [0, 2, 16]) {
      device.upload(a, numbers(m * k));
      device.startProfile({ simulatedThreads });
      work();
      profiles.push(await device.stopProfile());
      results.push(bits());
    }
    const [real, ...simulated] = await Promise.all(results);
    for (const one of simulated) expect(one).toEqual(real);
    expect(profiles.map((profile) => profile.simulatedThreads)).toEqual([0, 2, 16]);
    const tasksOf = ({ calls }: Profile) =>
      calls.map((call) =>
        call.kind === "kernel" ? (call.simulated?.phases.map((p) => p.length) ?? null) : null,
      );
    const [none, two, sixteen] = profiles.map(tasksOf);
    expect(none).toEqual([null, null, null]);
    // Four tiles a thread, as long as each has 2¹⁸ of the 4.2 million multiply-adds.
    expect(two![0]!.at(-1)).toBeGreaterThanOrEqual(8);
    expect(sixteen![0]!.at(-1)).toBeGreaterThan(two![0]!.at(-1)!);
    expect(sixteen![1]!.at(-1)).toBeGreaterThanOrEqual(two![1]!.at(-1)!);
    expect(two![2]).toEqual([]); // a single task is no phase
    const { rows, speedUp } = balanceOf(profiles[2]!);
    expect(rows.map(({ kernel }) => kernel).sort()).toEqual(["fill", "gemm", "gemmArgmax"]);
    expect(speedUp).toBeGreaterThanOrEqual(1);
    expect(speedUp).toBeLessThanOrEqual(16);
  });

  test("are a whole number up to 256", () => {
    for (const simulatedThreads of [-1, 1.5, 257]) {
      expect(() => device.startProfile({ simulatedThreads })).toThrow(
        `startProfile: simulatedThreads is ${simulatedThreads}; it must be a whole number from 1 to 256`,
      );
    }
  });
});
