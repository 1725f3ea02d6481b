import {
  type BufferArgument,
  chromeTrace,
  createDevice,
  type Device,
  measureQueueCosts,
  type Profile,
  summarizeProfile,
} from "@splitmask/kernels";

const limits = {
  ...{ multiplyAdds: 1e11, bfloat16Dots: null, memory: 1e10, lastCache: 1e11 },
  lastCacheBytes: 1 << 20,
};

let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 2 });
});
afterEach(() => device.close());

const space = (bytes: number): BufferArgument => ({ buffer: device.allocate(bytes), byteOffset: 0 });

/** Names, shapes and numbers, without the times. */
const contentOf = ({ calls }: Profile) =>
  calls.map((call) => {
    const { start, duration, ...rest } = call;
    return { ...rest, ...(call.kind === "kernel" ? { threadWait: 0 } : {}) };
  });
const alone = { threadWait: 0, simulated: null };

/** Some calls of all kinds. */
async function work(): Promise<Profile> {
  const a = space(4 * 1024 * 1024);
  const b = space(4 * 1024 * 1024);
  device.run("fill", "float32", { output: a, size: 1, value: 7 });
  device.startProfile();
  device.run("fill", "float32", { output: a, size: 1024 * 1024, value: 3 });
  device.upload(b, new Float32Array(100));
  device.upload(b, new Float32Array(50), { copy: false });
  device.run("scaleRows", "float32", {
    output: b,
    input: a,
    rowScale: b,
    rows: 10,
    columns: 20,
  });
  device.run("gradientNorm", "float64", {
    output: b,
    maximum: 2,
    each: [
      { gradient: a, size: 30 },
      { gradient: a, size: 40 },
    ],
  });
  const downloaded = device.download(b, 8);
  const profile = device.stopProfile();
  device.run("fill", "float32", { output: a, size: 2, value: 7 });
  await downloaded;
  return profile;
}

test("a profile holds exactly what was enqueued between its start and end, in order, with its numbers", async () => {
  expect(contentOf(await work())).toEqual([
    {
      kind: "kernel",
      kernel: "fill",
      dtype: "float32",
      numbers: { size: 1024 * 1024, value: 3 },
      buffers: ["output"],
      each: [],
      ...alone,
    },
    { kind: "upload", bytes: 400 },
    { kind: "upload", bytes: 200 },
    {
      kind: "kernel",
      kernel: "scaleRows",
      dtype: "float32",
      numbers: { rows: 10, columns: 20 },
      buffers: ["output", "input", "rowScale"],
      each: [],
      ...alone,
    },
    {
      kind: "kernel",
      kernel: "gradientNorm",
      dtype: "float64",
      numbers: { maximum: 2 },
      buffers: ["output"],
      each: [
        { numbers: { size: 30 }, buffers: ["gradient"] },
        { numbers: { size: 40 }, buffers: ["gradient"] },
      ],
      ...alone,
    },
    { kind: "download", bytes: 8 },
  ]);
});

test("calls follow each other without overlapping, within the profile's time", async () => {
  const { calls, duration } = await work();
  let end = 0;
  for (const call of calls) {
    expect(call.start).toBeGreaterThanOrEqual(end);
    expect(call.duration).toBeGreaterThan(0);
    if (call.kind === "kernel") expect(call.threadWait).toBeLessThanOrEqual(call.duration);
    end = call.start + call.duration;
  }
  expect(duration).toBeGreaterThanOrEqual(end);
});

test("time in which nothing is enqueued is a wait between calls", async () => {
  const a = space(400);
  device.startProfile();
  device.run("fill", "float32", { output: a, size: 100, value: 1 });
  await device.synchronize();
  await new Promise((resolve) => setTimeout(resolve, 30));
  device.run("fill", "float32", { output: a, size: 100, value: 2 });
  const { calls, waits } = await device.stopProfile();
  expect(calls).toHaveLength(2);
  const [first, second] = calls;
  const between = waits.filter(({ start }) => start >= first!.start && start < second!.start);
  expect(between.reduce((sum, { duration }) => sum + duration, 0)).toBeGreaterThan(20e6);
});

test("waits, calls and the queue's own time are the whole, and waits overlap no call", async () => {
  device.startProfile();
  const a = space(4 << 20);
  for (let call = 0; call < 50; call++) {
    device.run("fill", "float32", { output: a, size: 1 << 20, value: call });
    if (call % 10 !== 0) continue;
    await device.download(a, 4);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const profile = await device.stopProfile();
  const spans = [...profile.calls, ...profile.waits].sort((x, y) => x.start - y.start);
  let end = 0;
  for (const { start, duration } of spans) {
    expect(start).toBeGreaterThanOrEqual(end);
    end = start + duration;
  }
  expect(end).toBeLessThanOrEqual(profile.duration);
  const { rows, seconds, idleSeconds, queueSeconds, threadWaitSeconds } = summarizeProfile(profile, limits);
  const busy = rows.reduce((sum, row) => sum + row.seconds, 0);
  expect(profile.waits.length).toBeGreaterThan(0);
  expect(queueSeconds).toBeGreaterThan(0);
  expect(busy + idleSeconds + queueSeconds).toBeCloseTo(seconds, 12);
  expect(threadWaitSeconds).toBeLessThan(busy);
});

test("measureQueueCosts: a call costs something, and a barrier only where there are threads to wait for", async () => {
  const { secondsPerCall, secondsPerBarrier } = await measureQueueCosts(device);
  expect(secondsPerCall).toBeGreaterThan(0);
  expect(secondsPerBarrier).toBeGreaterThanOrEqual(0);
  const single = createDevice({ threads: 1 });
  expect((await measureQueueCosts(single)).secondsPerBarrier).toBe(0);
  single.close();
  expect(device.memory().liveBuffers).toBe(0);
});

test("a second profile starts afresh, on each device by itself", async () => {
  await work();
  const other = createDevice({ threads: 1 });
  try {
    device.startProfile();
    other.startProfile();
    device.run("fill", "float32", { output: space(4), size: 1, value: 1 });
    expect(contentOf(await device.stopProfile())).toHaveLength(1);
    expect(contentOf(await other.stopProfile())).toEqual([]);
  } finally {
    other.close();
  }
});

test("start and stop come in turns", async () => {
  expect(() => device.stopProfile()).toThrow(
    "stopProfile: no profile is being taken; call startProfile() first.",
  );
  device.startProfile();
  expect(() => device.startProfile()).toThrow("startProfile: a profile is being taken already");
  await device.stopProfile();
});

test("a trace has one event a call, in microseconds, that do not overlap", async () => {
  const profile = await work();
  const { traceEvents } = JSON.parse(JSON.stringify(chromeTrace(profile))) as ReturnType<typeof chromeTrace>;
  const spans = traceEvents.filter((event) => event.ph === "X" && event.tid === 1);
  const waits = traceEvents.filter((event) => event.ph === "X" && event.tid === 2);
  expect(waits.map((event) => event.ts)).toEqual(profile.waits.map(({ start }) => start / 1000));
  expect(spans.map((event) => event.name)).toEqual([
    "fill",
    "upload",
    "upload",
    "scaleRows",
    "gradientNorm",
    "download",
  ]);
  for (const [index, event] of spans.entries()) {
    expect(event.ts).toBeCloseTo(profile.calls[index]!.start / 1000, 6);
    expect(event.dur).toBeCloseTo(profile.calls[index]!.duration / 1000, 6);
    const next = spans[index + 1];
    if (next !== undefined) expect(event.ts + event.dur!).toBeLessThanOrEqual(next.ts);
  }
  const { duration } = profile.calls[0]!;
  expect(spans[0]!.args).toMatchObject({ dtype: "float32", size: 1024 * 1024, value: 3, "GFLOP/s": 0 });
  expect(spans[0]!.args["GB/s"]).toBeCloseTo((4 * 1024 * 1024) / duration, 1);
});
