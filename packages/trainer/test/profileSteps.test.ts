import { createDevice, type Device, type ProfiledCall } from "@splitmask/kernels";
import { type ProfileStepsOptions, profileSteps, type StepsProfile } from "@splitmask/trainer";
import { type Points, points, regression } from "./tinyTask.js";

let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 1 });
});
afterEach(() => device.close());

const profiled = (changes: Partial<ProfileStepsOptions<Points>> = {}): Promise<StepsProfile> =>
  profileSteps<Points>({
    device,
    task: regression(device),
    batches: points(device),
    schedule: { base: 0.01 },
    ...changes,
  });

/** Kernels with their numbers; those that change from step to step are left out. */
const names = (calls: readonly ProfiledCall[]) =>
  calls.map((call) => (call.kind === "kernel" ? `${call.kernel} ${call.numbers.size ?? ""}` : call.kind));

test("the profile covers whole steps: each runs the same calls, and updates the parameters once", async () => {
  const { profile, profiledSteps } = await profiled({ profiledSteps: 4 });
  expect(profiledSteps).toBe(4);
  const all = names(profile.calls);
  expect(all.length % 4).toBe(0);
  const step = all.length / 4;
  for (let index = 1; index < 4; index++) {
    expect(all.slice(index * step, (index + 1) * step).sort()).toEqual(all.slice(0, step).sort());
  }
  expect(all.filter((name) => name.startsWith("adamW"))).toHaveLength(4);
  expect(all.filter((name) => name.startsWith("gradientNorm"))).toHaveLength(4);
  expect(all.filter((name) => name === "download")).toHaveLength(4);
});

test("times the steps between the warm-up and the profile", async () => {
  const steps: number[] = [];
  const result = await profiled({
    warmUpSteps: 3,
    timedSteps: 3,
    profiledSteps: 2,
    onEvent: (event) => {
      if (event.type === "step") steps.push(event.step);
    },
  });
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(result.stepSeconds).toHaveLength(3);
  const [, median] = [...result.stepSeconds].sort((a, b) => a - b);
  expect(result.secondsPerStep).toBe(median);
  expect(result.samplesPerSecond).toBeCloseTo(32 / median!, 6);
  expect(result.memory.peakLiveBytes).toBeGreaterThan(0);
});

test("refuses numbers of steps that make no sense, and ends the profile where a step fails", async () => {
  await expect(profiled({ warmUpSteps: 0 })).rejects.toThrow(
    "profileSteps: warmUpSteps is 0; it must be a whole number of at least 1.",
  );
  const batches = points(device);
  const failing = {
    batchSize: 32,
    batchesPerEpoch: 10,
    batch: async (step: number) => {
      if (step === 9) throw new Error("no picture");
      return batches.batch(step);
    },
  };
  await expect(profiled({ batches: failing })).rejects.toThrow("no picture");
  device.startProfile();
  expect((await device.stopProfile()).calls).toEqual([]);
});

test("says where it was stopped too early", async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(profiled({ signal: stop.signal })).rejects.toThrow(
    "profileSteps: it was stopped before the steps to profile were done.",
  );
});
