import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scope } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { LARS, type Optimizer, parameterGroups, SGD } from "@splitmask/optim";
import {
  latestCheckpoint,
  readCheckpoint,
  type TrainingSchedule,
  type TrainOptions,
} from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny, type TinyRun } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(2, (fresh) => {
  ({ device, folder } = fresh);
});

const run = (name: string, changes: Partial<TrainOptions<Points>> = {}): Promise<TinyRun> =>
  runTiny(folder, name, device, { length: { steps: 8 }, ...changes });
const ratesOf = ({ events }: TinyRun) =>
  events.flatMap((event) => (event.type === "step" ? [event.learningRate] : []));
const weightsOf = ({ result }: TinyRun) =>
  ["model.safetensors", "optimizer.safetensors"].map((file) => readFileSync(join(result.checkpoint!, file)));

describe("schedules", () => {
  const warm = { base: 0.4, warmupSteps: 3 };
  const cases: readonly (readonly [string, TrainingSchedule, readonly number[]])[] = [
    [
      "cosine",
      { ...warm, minimum: 0.1 },
      [0, 0.2, 0.4, ...[0, 1, 2, 3, 4].map((s) => 0.1 + 0.15 * (1 + Math.cos((Math.PI * s) / 5)))],
    ],
    ["linear", { kind: "linear", ...warm, minimum: 0.15 }, [0, 0.2, 0.4, 0.4, 0.35, 0.3, 0.25, 0.2]],
    // Stairs count from the first step of the run.
    ["step", { kind: "step", ...warm, every: 4, factor: 0.5 }, [0, 0.2, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2]],
    [
      "multiStep",
      { kind: "multiStep", ...warm, milestones: [6, 5] },
      [0, 0.2, 0.4, 0.4, 0.4, 0.04, 0.004, 0.004],
    ],
    ["constant", { kind: "constant", ...warm, warmupStart: 0.2 }, [0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]],
    // As functions of the number of steps, for runs with a time limit.
    [
      "functions",
      {
        kind: "multiStep",
        base: 1,
        warmupSteps: (steps) => steps / 4,
        milestones: (steps) => [steps / 2, steps * 0.8],
      },
      [0, 1, 1, 1, 0.1, 0.1, 0.01, 0.01],
    ],
    [
      "everyFunction",
      { kind: "step", base: 1, every: (steps) => steps / 3 },
      [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01],
    ],
  ];
  test.each(cases)("%s", async (name, schedule, expected) => {
    const rates = ratesOf(await run(name, { schedule }));
    expect(rates).toHaveLength(8);
    for (const [step, rate] of rates.entries()) expect(rate).toBeCloseTo(expected[step]!, 12);
  });

  test("say what makes no sense", async () => {
    const wrong = (schedule: unknown) => run("wrong", { schedule: schedule as TrainingSchedule });
    await expect(wrong({ kind: "cosinus", base: 1 })).rejects.toThrow(
      'train: schedule.kind is "cosinus"; it must be "cosine", "linear", "step", "multiStep" or "constant".',
    );
    await expect(wrong({ kind: "step", base: 1, every: 0 })).rejects.toThrow(
      "train: schedule.every is 0; it must be a whole number of at least 1.",
    );
    await expect(wrong({ kind: "step", base: 1, every: 2, factor: -1 })).rejects.toThrow(
      "train: schedule.factor is -1; it must be a number of at least 0.",
    );
    await expect(wrong({ kind: "multiStep", base: 1, warmupSteps: 3, milestones: [2] })).rejects.toThrow(
      "train: a milestone of the schedule, which has a warm-up of 3 steps, is 2; " +
        "it must be a whole number of at least 3.",
    );
    await expect(wrong({ base: 1, warmupSteps: 1.5 })).rejects.toThrow("train: schedule.warmupSteps is 1.5;");
    await expect(wrong({ base: 1, warmupStart: -1 })).rejects.toThrow("train: schedule.warmupStart is -1;");
    await expect(wrong({ base: 1, minimum: Number.NaN })).rejects.toThrow("train: schedule.minimum is NaN;");
  });
});

describe("optimizers", () => {
  /** Eight steps of a loop by hand. */
  async function byHand(create: (groups: ReturnType<typeof parameterGroups>) => Optimizer) {
    const task = regression(device);
    const optimizer = create(parameterGroups(task.model, { weightDecay: 0.1 }));
    const source = points(device);
    for (let step = 0; step < 8; step++) {
      const batch = await source.batch(step);
      scope(device, () => {
        task.loss(batch, { training: true, seed: 5, step }).total.backward();
        optimizer.step({ learningRate: 0.05 });
        optimizer.zeroGrad();
      });
    }
    return task.model.hostStateDict();
  }

  test("SGD and LARS are those of optim, step for step, and go on after an interruption", async () => {
    const schedule = { kind: "constant", base: 0.05 } as const;
    const cases = [
      [
        { kind: "sgd", momentum: 0.8, nesterov: true, weightDecay: 0.1 },
        await byHand((groups) => new SGD(groups, { momentum: 0.8, nesterov: true })),
      ],
      [
        { kind: "lars", trustCoefficient: 0.5, weightDecay: 0.1 },
        await byHand((groups) => new LARS(groups, { trustCoefficient: 0.5 })),
      ],
    ] as const;
    for (const [optimizer, expected] of cases) {
      const task = regression(device);
      const whole = await run(optimizer.kind, { task, schedule, optimizer, clipNorm: 0 });
      expect(await task.model.hostStateDict()).toEqual(expected);
      const name = `${optimizer.kind}-cut`;
      const controller = new AbortController();
      await run(name, {
        ...{ schedule, optimizer, clipNorm: 0, signal: controller.signal },
        onEvent: (event) => event.type === "step" && event.step === 3 && controller.abort(),
      });
      const resumed = await run(name, { schedule, optimizer, clipNorm: 0, resume: true });
      expect(resumed.events[1]).toMatchObject({ type: "resume" });
      expect(weightsOf(resumed)).toEqual(weightsOf(whole));
    }
  });

  test("say what makes no sense", async () => {
    await expect(run("wrong", { optimizer: { kind: "adam" as "adamw" } })).rejects.toThrow(
      'train: optimizer.kind is "adam"; it must be "adamw", "sgd" or "lars".',
    );
    await expect(run("wrong", { optimizer: { kind: "sgd", momentum: 0, nesterov: true } })).rejects.toThrow(
      "SGD: momentum is 0 and nesterov is true; expected momentum in [0, 1), above 0 with nesterov.",
    );
    await expect(run("wrong", { optimizer: { kind: "lars", weightDecayEnd: 0.1 } })).rejects.toThrow(
      "optimizer.weightDecay is 0, which nothing is decayed with",
    );
  });
});

test("a run goes on with the schedule and the optimizer that it was started with, or says what differs", async () => {
  await run("run", { optimizer: { kind: "sgd" }, length: { steps: 4 } });
  const again = (changes: Partial<TrainOptions<Points>>) =>
    run("run", { optimizer: { kind: "sgd" }, length: { steps: 4 }, resume: true, ...changes });
  await expect(again({ optimizer: {} })).rejects.toThrow(
    /was made with other settings: optimizer was \{"kind":"sgd","momentum":0\.9,.*\} and is now \{"kind":"adamw",/,
  );
  await expect(
    again({
      optimizer: { kind: "sgd", momentum: 0.5 },
      schedule: { base: 0.02, minimum: 1e-4, warmupSteps: 3 },
    }),
  ).rejects.toThrow(
    "was made with other settings: schedule.base was 0.01 and is now 0.02; " +
      "optimizer.momentum was 0.9 and is now 0.5. Resume with the same ones",
  );
  await expect(again({ schedule: { kind: "constant", base: 0.01 } })).rejects.toThrow(
    'schedule was {"kind":"cosine","base":0.01,"warmupSteps":3,"warmupStart":0,"minimum":0.0001} and is ' +
      'now {"kind":"constant","base":0.01,"warmupSteps":0,"warmupStart":0}',
  );
});

test("AdamW's betas are used, written down and compared", async () => {
  const short = { length: { steps: 2 } };
  const mae = await run("mae", { ...short, optimizer: { betas: [0.9, 0.95] } });
  expect((await readCheckpoint(mae.result.checkpoint!)).state.settings.optimizer).toMatchObject({
    betas: [0.9, 0.95],
  });
  expect(weightsOf(mae)).not.toEqual(weightsOf(await run("default", short)));
  await expect(run("mae", { ...short, resume: true, optimizer: {} })).rejects.toThrow(
    "was made with other settings: optimizer.betas was [0.9,0.95] and is now [0.9,0.999].",
  );
});

test("a checkpoint of when there was only AdamW and a cosine is gone on from", async () => {
  const whole = await run("whole");
  await run("former", { length: { steps: 8 }, ...stopAfter(3) });
  const { path } = (await latestCheckpoint(join(folder, "former", "checkpoints")))!;
  const { state } = await readCheckpoint(path);
  const { evaluation: _evaluation, settings, ...rest } = state;
  const { optimizer, schedule, precision: _precision, freeze: _freeze, ...others } = settings;
  const { kind: _adamw, layerDecay: _layerDecay, weightDecayEnd: _end, ...adamw } = optimizer;
  const { kind: _cosine, warmupStart: _start, ...cosine } = schedule;
  const text = JSON.stringify({ ...rest, settings: { ...others, ...cosine, ...adamw } });
  writeFileSync(join(path, "state.json"), text);
  const sums = readFileSync(join(path, "SHA256SUMS"), "latin1");
  const digest = createHash("sha256").update(text).digest("hex");
  writeFileSync(join(path, "SHA256SUMS"), sums.replace(/^.*(?= {2}state\.json$)/m, digest));
  const resumed = await run("former", { resume: true });
  expect(resumed.events[1]).toMatchObject({ type: "resume", path });
  expect(weightsOf(resumed)).toEqual(weightsOf(whole));
});

/** Aborts when the step with this number is reported. */
function stopAfter(step: number): Pick<TrainOptions<Points>, "signal" | "onEvent"> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: (event) => event.type === "step" && event.step === step && controller.abort(),
  };
}
