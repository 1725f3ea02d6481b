import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@splitmask/kernels";
import { readCheckpoint, type TrainingEvent, type TrainOptions } from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny } from "./runTiny.js";
import { type Points, points } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(1, (fresh) => {
  ({ folder, device } = fresh);
});

const LIMIT = 100;

/** What a step takes when the clock shows so many seconds. */
type Machine = (seconds: number) => number;

/** A machine on which steps take so long until a time, and so long after it. */
const changing =
  (at: number, before: number, after: number): Machine =>
  (seconds) =>
    seconds < at ? before : after;

/** Trains by a clock that shows how long steps take on a machine; nothing waits. */
async function runOn(
  machine: Machine,
  name: string,
  changes: Partial<TrainOptions<Points>> = {},
  begin = 0,
): Promise<Run> {
  let seconds = begin;
  let trained = false;
  const pass = (steps: number) => {
    seconds += steps * machine(seconds);
  };
  const own = points(device, 8, 4);
  const batch = await own.batch(0);
  const { batchSize, batchesPerEpoch } = own;
  const { events, result } = await runTiny(folder, name, device, {
    length: { seconds: LIMIT },
    schedule: { base: 0.01, minimum: 1e-4, warmupSteps: (steps) => steps / 10 },
    checkpointEvery: (steps) => Math.ceil(steps / 10),
    healthEvery: 0,
    batches: {
      ...{ batchSize, batchesPerEpoch },
      batch: async () => batch,
      // The steps that are timed first go without the optimizer.
      release: () => pass(trained ? 1 : 1 / 1.04),
    },
    clock: () => 1000 * seconds,
    ...changes,
    ...(changes.evaluation == null ? {} : { evaluation: slowed(changes.evaluation, pass) }),
    onEvent(event) {
      trained ||= event.type === "plan" || event.type === "resume";
      changes.onEvent?.(event);
    },
  });
  const replans = events.filter((event) => event.type === "replan");
  const rates = events.flatMap((event) => (event.type === "step" ? [event.learningRate] : []));
  return { events, result, seconds, replans, rates };
}

interface Run {
  readonly events: readonly TrainingEvent[];
  readonly result: Awaited<ReturnType<typeof runTiny>>["result"];
  readonly seconds: number;
  readonly replans: readonly Extract<TrainingEvent, { type: "replan" }>[];
  readonly rates: readonly number[];
}

/** An evaluation that takes as long as twenty steps. */
function slowed(
  evaluation: NonNullable<TrainOptions<Points>["evaluation"]>,
  pass: (steps: number) => void,
): typeof evaluation {
  return {
    ...evaluation,
    run: (context) => {
      pass(20);
      return evaluation.run(context);
    },
  };
}

const files = (name: string, step: number) =>
  ["model", "optimizer"].map((file) =>
    readFileSync(
      join(folder, name, "checkpoints", `step-${String(step).padStart(6, "0")}`, `${file}.safetensors`),
    ),
  );

describe("a time limit", () => {
  test("on a steady machine is the first plan, to the bit", async () => {
    const { events, replans, result, seconds } = await runOn(() => 0.5, "timed");
    expect(replans).toEqual([]);
    expect(seconds).toBeGreaterThan(0.97 * LIMIT);
    expect(seconds).toBeLessThan(LIMIT);
    const plan = events.find((event) => event.type === "plan")!;
    expect(plan.secondsPerStep).toBeCloseTo(0.5 / 1.04, 9);
    expect(result).toMatchObject({ reason: "done", step: plan.steps, steps: plan.steps });
    await runOn(() => 0, "counted", { length: { steps: plan.steps } });
    expect(files("counted", plan.steps)).toEqual(files("timed", plan.steps));
    expect(events[0]).toMatchObject({ type: "start", steps: null });
    const { state } = await readCheckpoint(result.checkpoint!);
    expect(state.settings.schedule.warmupSteps).toBe(Math.round(plan.steps / 10));
    // It is done: nothing is left to do.
    const again = await runOn(() => 0.5, "timed", { resume: true });
    expect(again.result).toMatchObject({ step: plan.steps, steps: plan.steps, firstLosses: null });
  });

  const machines: [string, Machine][] = [
    ["slows down in the middle", changing(50, 0.25, 0.6)],
    ["slows down at once", changing(8, 0.25, 0.75)],
    ["speeds up in the middle", changing(50, 0.5, 0.2)],
    ["slows down near the end", changing(95, 0.25, 1)],
    ["slows down at the very end", changing(97, 0.25, 1)],
    ["speeds up near the end", changing(90, 0.8, 0.2)],
    ["is used by a program that comes and goes", (seconds) => (Math.floor(seconds / 12) % 2 ? 0.6 : 0.25)],
    ["has steps that are long", changing(60, 4, 7)],
  ];
  test.each(machines)("is kept on a machine that %s", async (_, machine) => {
    const { rates, replans, result, seconds } = await runOn(machine, "run");
    expect(result.reason).toBe("done");
    expect(replans.length).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThan(0.98 * LIMIT - machine(LIMIT));
    expect(seconds).toBeLessThan(1.02 * LIMIT);
    // The rate rises, falls, and ends at its minimum, wherever the end came to be.
    const peak = rates.indexOf(Math.max(...rates));
    expect(rates[peak]).toBeCloseTo(0.01, 3);
    for (let step = 1; step < rates.length; step++) {
      if (step <= peak) expect(rates[step]).toBeGreaterThanOrEqual(rates[step - 1]!);
      else expect(rates[step]).toBeLessThanOrEqual(rates[step - 1]!);
    }
    expect(rates.at(-1)).toBeLessThan(0.002);
  });

  test("changes no rate by a jump", async () => {
    const { rates, replans } = await runOn(changing(50, 0.25, 0.6), "run");
    expect(replans[0]!.secondsPerStep).toBeGreaterThan(0.26);
    expect(replans[0]!.steps).toBeLessThan(replans[0]!.stepsBefore);
    const steps = replans.map(({ step }) => step);
    const change = (step: number) => Math.abs(rates[step]! - rates[step - 1]!);
    // The steepest that a cosine of so few steps is.
    const steepest = (Math.PI / 2) * (0.0099 / (rates.length - rates.length / 10));
    for (const step of steps) expect(change(step + 1)).toBeLessThan(2 * steepest);
    expect(rates.at(-1)).toBeCloseTo(1e-4, 4);
  });

  test("keeps the share of what comes ten times a run; what comes every so many steps stays", async () => {
    const machine = changing(40, 0.25, 0.6);
    const { events, rates } = await runOn(machine, "shares", {
      optimizer: { weightDecay: 0.1, weightDecayEnd: 0.2 },
    });
    const at = events.flatMap((event) => (event.type === "checkpoint" ? [event.step] : []));
    expect(at).toHaveLength(10);
    const gaps = at.map((step, index) => step - (at[index - 1] ?? 0));
    expect(Math.max(...gaps.slice(5))).toBeLessThan(0.8 * gaps[0]!);
    expect(at.at(-1)).toBe(rates.length);
    const stairs = await runOn(machine, "counts", {
      checkpointEvery: 50,
      schedule: { kind: "step", base: 0.01, every: 100, factor: 0.5, warmupSteps: 10 },
    });
    expect(stairs.rates.indexOf(0.005)).toBe(100);
    const every = stairs.events.flatMap((event) => (event.type === "checkpoint" ? [event.step] : []));
    expect(every.slice(0, -1)).toEqual(every.slice(0, -1).map((_, index) => 50 * (index + 1)));
    // A warm-up of given length has it, though the plan was changed within it.
    const warm = await runOn(changing(8, 0.25, 0.75), "warm", {
      schedule: { base: 0.01, minimum: 1e-4, warmupSteps: 100 },
    });
    expect(warm.replans[0]!.step).toBeLessThan(100);
    expect(warm.rates.indexOf(Math.max(...warm.rates))).toBe(99);
    expect(warm.rates.at(-1)).toBeLessThan(0.001);
  });

  test("counts evaluations, and keeps back what comes after the steps, longer where steps are", async () => {
    const machine = changing(40, 0.25, 0.5);
    const evaluation = { every: (steps: number) => Math.ceil(steps / 3), run: async () => ({}) };
    const evaluated = await runOn(machine, "evaluated", { evaluation });
    expect(evaluated.events.filter(({ type }) => type === "evaluation")).toHaveLength(3);
    expect(evaluated.seconds).toBeGreaterThan(0.95 * LIMIT);
    expect(evaluated.seconds).toBeLessThan(1.02 * LIMIT);
    const length = { seconds: LIMIT, elapsed: 20, afterwards: 10, decoding: 5, secondsPerStep: 0.25 };
    // 20 s are gone already, and 10 s become 20 at half the speed.
    const { seconds } = await runOn(machine, "kept", { length });
    expect(seconds).toBeGreaterThan(0.95 * LIMIT - 40);
    expect(seconds).toBeLessThan(1.02 * LIMIT - 40);
  });

  test("is what is left of it for a run that was interrupted, which goes on with its plan to the bit", async () => {
    const machine = changing(30, 0.25, 0.6);
    const whole = await runOn(machine, "whole");
    const stop = new AbortController();
    const first = await runOn(machine, "run", {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === "step" && event.step === 170) stop.abort();
      },
    });
    expect(first.result.reason).toBe("interrupted");
    const { state } = await readCheckpoint(first.result.checkpoint!);
    expect(state.time!.replans.length).toBeGreaterThan(0);
    expect(state.time!.spent).toBeCloseTo(first.seconds, 0);
    // A week later.
    const again = await runOn(() => 0.6, "run", { resume: true }, 600_000);
    expect(again.seconds - 600_000 + state.time!.spent).toBeGreaterThan(0.95 * LIMIT);
    expect(again.seconds - 600_000 + state.time!.spent).toBeLessThan(1.02 * LIMIT);
    expect(again.replans).toEqual([]);
    expect(again.result.steps).toBe(state.steps);
    const ended = await readCheckpoint(again.result.checkpoint!);
    expect(ended.state.time!.replans).toEqual(state.time!.replans);
    // The same plan without a clock.
    await runOn(() => 0, "repeated", { length: { plan: ended.state.time! } });
    expect(files("repeated", state.steps)).toEqual(files("run", state.steps));
    expect(whole.result.reason).toBe("done");
  });

  test("that is over when the run goes on ends it", async () => {
    const stop = new AbortController();
    const first = await runOn(() => 0.5, "run", {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === "step" && event.step === 100) stop.abort();
      },
    });
    const length = { seconds: LIMIT, elapsed: 60 };
    const { result } = await runOn(() => 0.5, "run", { resume: true, length });
    expect(result.reason).toBe("done");
    expect(result.step).toBeLessThan(first.result.step + 3);
  });
});
