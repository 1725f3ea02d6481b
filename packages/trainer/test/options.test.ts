import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dropPath, type HostTensor, mean, relu, slice, square, subtract } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import type { Device } from "@splitmask/kernels";
import { type Linear, Module } from "@splitmask/nn";
import {
  averagesOf,
  type BatchSource,
  RunFolder,
  readCheckpoint,
  type StepEvent,
  type TrainingTask,
  type TrainOptions,
  type TrainResult,
  train,
} from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { Perceptron, type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(2, (fresh) => {
  ({ device, folder } = fresh);
});

/** Least squares on inputs of which some are dropped, drawn by their places in the batch. */
function dropped(): TrainingTask<Points> {
  const model = new Perceptron(device, 8, 16);
  return {
    name: "dropped",
    model,
    loss({ inputs, targets }, { seed, step, samples, training }) {
      const key = { seed, purpose: "dropped", step };
      const seen = dropPath(inputs, { probability: 0.3, training, key, rows: samples });
      const total = mean(square(subtract(model.forward(seen), targets)));
      return { total, parts: { error: total } };
    },
  };
}

function sliced(): BatchSource<Points> {
  return {
    ...points(device),
    slice: ({ inputs, targets }, start, end) => ({
      inputs: slice(inputs, 0, start, end),
      targets: slice(targets, 0, start, end),
    }),
  };
}

interface Run {
  readonly result: TrainResult;
  readonly steps: readonly StepEvent[];
  readonly weights: Map<string, HostTensor>;
}

/** One call of `train`; with a name, in a run folder that is made or opened. */
async function run(changes: Partial<TrainOptions<Points>> = {}, name?: string): Promise<Run> {
  const path = join(folder, name ?? "");
  const runFolder =
    name === undefined
      ? null
      : existsSync(path)
        ? await RunFolder.open(path)
        : await RunFolder.create(path, { name });
  const steps: StepEvent[] = [];
  const { task = regression(device), onEvent, ...rest } = changes;
  try {
    const result = await train<Points>({
      device,
      task,
      batches: points(device),
      length: { steps: 12 },
      schedule: { base: 0.01, minimum: 1e-4, warmupSteps: 3 },
      seed: 5,
      ...(runFolder === null ? {} : { runFolder, checkpointEvery: 5 }),
      ...rest,
      onEvent(event) {
        if (event.type === "step") steps.push(event);
        onEvent?.(event);
      },
    });
    return { result, steps, weights: await task.model.hostStateDict() };
  } finally {
    await runFolder?.close();
  }
}

const numbersOf = (weights: ReadonlyMap<string, HostTensor>, name: string) =>
  weights.get(name)!.data as Float32Array;

describe("accumulate", () => {
  test("4 micro-batches of 8 are the batch of 32, step after step", async () => {
    const whole = await run({ task: dropped() });
    const parts = await run({ task: dropped(), batches: sliced(), accumulate: 4 });
    for (const [index, { losses, gradientNorm }] of parts.steps.entries()) {
      const expected = whole.steps[index]!;
      expect(Math.abs(losses.total! / expected.losses.total! - 1)).toBeLessThan(1e-5);
      expect(losses.error).toBe(losses.total);
      expect(Math.abs(gradientNorm / expected.gradientNorm - 1)).toBeLessThan(1e-5);
    }
    expect(parts.steps).toHaveLength(12);
    for (const name of whole.weights.keys())
      expect(largestError(numbersOf(parts.weights, name), numbersOf(whole.weights, name))).toBeLessThan(1e-4);
  });

  test("says what a batch cannot be cut into", async () => {
    await expect(run({ accumulate: 4 })).rejects.toThrow(
      "train: accumulate is 4, but the batch source has no slice(batch, start, end), " +
        "which cuts a batch in micro-batches. Give it one (ImageLoader has it), or leave accumulate out.",
    );
    await expect(run({ batches: sliced(), accumulate: 5 })).rejects.toThrow(
      "train: accumulate is 5 and a batch has 32 samples, which are not 5 equal parts. " +
        "Use a batch that is a multiple of 5, or a divisor of 32.",
    );
    await expect(run({ accumulate: 0 })).rejects.toThrow(
      "train: accumulate is 0; it must be a whole number of at least 1.",
    );
  });
});

describe("ema", () => {
  const ema = { decay: 0.8, warmup: { power: 0.75 } };

  test("is the average over the steps, and the run is the same beside it", async () => {
    const plain = await run();
    expect(plain.result.average).toBeNull();
    const seen: Float32Array[] = [];
    const task = regression(device);
    const copies: Promise<void>[] = [];
    const watched: TrainingTask<Points> = {
      ...task,
      afterStep() {
        const copy = async () =>
          void seen.push((await task.model.namedParameters().get("hidden.weight")!.data()) as Float32Array);
        copies.push(copy());
      },
    };
    const averaged = await run({ task: watched, ema });
    expect(averaged.weights).toEqual(plain.weights);
    await Promise.all(copies);
    const average = averaged.result.average!;
    expect(average.updates).toBe(12);
    const { tensors } = await average.hostStateDict();
    const slow = new Float64Array(seen[0]!.length);
    for (const [step, weights] of seen.entries()) {
      const decay = average.decayAt(step);
      weights.forEach((weight, i) => {
        slow[i] = decay * slow[i]! + (1 - decay) * weight;
      });
    }
    expect(largestError(numbersOf(tensors, "hidden.weight"), slow)).toBeLessThan(1e-6);
    const inside = await average.withAverages(() => task.model.hostStateDict());
    expect(inside).toEqual(tensors);
  });

  test("interrupted and resumed: the same bits, in the checkpoint too", async () => {
    const whole = await run({ ema }, "whole");
    const controller = new AbortController();
    await run(
      {
        ema,
        signal: controller.signal,
        onEvent: (event) => event.type === "step" && event.step === 4 && controller.abort(),
      },
      "cut",
    );
    const resumed = await run({ ema, resume: true }, "cut");
    const averages = async ({ result }: Run) => (await result.average!.hostStateDict()).tensors;
    expect(await averages(resumed)).toEqual(await averages(whole));
    const files = [whole, resumed].map(({ result }) =>
      readFileSync(join(result.checkpoint!, "optimizer.safetensors")),
    );
    expect(files[0]!.equals(files[1]!)).toBe(true);
    const { model, optimizer } = await readCheckpoint(resumed.result.checkpoint!);
    expect(averagesOf(optimizer)).toEqual(await averages(whole));
    expect(numbersOf(averagesOf(optimizer), "output.weight")).not.toEqual(numbersOf(model, "output.weight"));
    await expect(run({ ema: { decay: 0.9 }, resume: true }, "cut")).rejects.toThrow(
      'ema.decay was 0.8 and is now 0.9; ema.warmup was {"power":0.75} and is now null',
    );
  });
});

test("weight decay follows a cosine to its last value", async () => {
  const steps = (count: number, weightDecayEnd?: number) =>
    run({
      length: { steps: count },
      schedule: { base: 0.1, minimum: 0.1 },
      optimizer: { weightDecay: 0.5, ...(weightDecayEnd === undefined ? {} : { weightDecayEnd }) },
    });
  const [first, constant, rising] = [await steps(1), await steps(2), await steps(2, 1.5)];
  // It is 0.5 in the first step of two and 1, half way, in the second: that step takes 0.1·(1 − 0.5) of the weight
  // more.
  const middle = numbersOf(first.weights, "hidden.weight");
  const expected = Array.from(
    numbersOf(constant.weights, "hidden.weight"),
    (weight, i) => weight - 0.05 * middle[i]!,
  );
  expect(largestError(numbersOf(rising.weights, "hidden.weight"), expected)).toBeLessThan(1e-5);
  expect(largestError(numbersOf(constant.weights, "hidden.weight"), expected)).toBeGreaterThan(0.01);
  expect(rising.weights.get("hidden.bias")).toEqual(constant.weights.get("hidden.bias"));
  await expect(run({ optimizer: { weightDecay: 0, weightDecayEnd: 0.4 } })).rejects.toThrow(
    "train: optimizer.weightDecayEnd is 0.4, but optimizer.weightDecay is 0, " +
      "which nothing is decayed with. Begin with a small number, e.g. 1e-6.",
  );
});

test("clipping by tensor is another run than by all together, with the same norm of the first step", async () => {
  const [together, each] = [await run({ clipNorm: 0.05 }), await run({ clipNorm: 0.05, clipMode: "tensor" })];
  expect(each.steps[0]!.gradientNorm).toBeCloseTo(together.steps[0]!.gradientNorm, 4);
  expect(each.steps[0]!.gradientNorm).toBeGreaterThan(0.1);
  expect(each.weights).not.toEqual(together.weights);
  expect((await run({ clipNorm: 0, clipMode: "tensor" })).weights).toEqual(
    (await run({ clipNorm: 0 })).weights,
  );
  await expect(run({ clipMode: "value" as "tensor" })).rejects.toThrow(
    'train: clipMode is "value"; it must be "global" or "tensor".',
  );
});

test("what is frozen stays, and can be trained afterwards", async () => {
  const task = regression(device);
  const before = await task.model.hostStateDict();
  const { weights } = await run({ task, freeze: ["hidden.*"] });
  expect(weights.get("hidden.weight")).toEqual(before.get("hidden.weight"));
  expect(weights.get("hidden.bias")).toEqual(before.get("hidden.bias"));
  expect(weights.get("output.weight")).not.toEqual(before.get("output.weight"));
  expect(task.model.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
  await expect(run({ task, freeze: ["encoder.*"] })).rejects.toThrow(
    'freeze: "encoder.*" matches none of the 4 parameters.',
  );
  await expect(run({ task, freeze: ["*"] })).rejects.toThrow("AdamW: there is no parameter to train");
  expect(task.model.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
});

/** A perceptron whose layers are called as the first and the last of a vision transformer. */
class TwoLayers extends Module {
  readonly patch_embed: Linear;
  readonly head: Linear;

  constructor() {
    super();
    const { hidden, output } = new Perceptron(device, 8, 16);
    this.patch_embed = hidden;
    this.head = output;
  }
}

test("layer decay slows the first layer down", async () => {
  const moves = async (layerDecay: number) => {
    const model = new TwoLayers();
    const loss: TrainingTask<Points>["loss"] = ({ inputs, targets }) => {
      const predicted = model.head.forward(relu(model.patch_embed.forward(inputs)));
      return { total: mean(square(subtract(predicted, targets))), parts: {} };
    };
    const before = await model.hostStateDict();
    const { weights } = await run({
      task: { name: "two layers", model, loss },
      length: { steps: 1 },
      schedule: { base: 0.01 },
      optimizer: { layerDecay, weightDecay: 0 },
    });
    const largestMove = (name: string) =>
      Math.max(...numbersOf(weights, name).map((value, i) => Math.abs(value - numbersOf(before, name)[i]!)));
    return [largestMove("patch_embed.weight"), largestMove("head.weight")];
  };
  // The first step of Adam is as long as the learning rate.
  expect(await moves(1)).toEqual([expect.closeTo(0.01, 5), expect.closeTo(0.01, 5)]);
  expect(await moves(0.4)).toEqual([expect.closeTo(0.004, 5), expect.closeTo(0.01, 5)]);
  await expect(moves(1.2)).rejects.toThrow("parameterGroups: layerDecay is 1.2; expected a number in (0, 1]");
});
