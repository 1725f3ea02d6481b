import { type HostTensor, readSafetensors, type Tensor, tensor } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { AdamW, ExponentialMovingAverage, type ExponentialMovingAverageOptions } from "@splitmask/optim";

const device = createDevice({ threads: 2 });
const { tensors } = await readSafetensors("test/fixtures/optim.safetensors");
afterAll(() => device.close());

const upload = (name: string, dtype: "float32" | "float64") =>
  tensor(device, tensors.get(name)!, undefined, { dtype, requiresGrad: true });

function setUp(dtype: "float32" | "float64") {
  const named = new Map(["matrix", "bias"].map((name) => [name, upload(`start.${name}`, dtype)]));
  return { named, model: { namedParameters: () => named } };
}

/** The case adamW of the fixture: a generator that stops after each step. */
function* train(named: Map<string, Tensor>): Generator<number> {
  const groups = [...named].map(([name, parameter]) => ({
    parameters: new Map([[name, parameter]]),
    ...(name === "bias" ? { weightDecay: 0 } : {}),
  }));
  const optimizer = new AdamW(groups, { betas: [0.9, 0.98], epsilon: 1e-6, weightDecay: 0.1 });
  for (let step = 0; step < 100; step++) {
    for (const [name, parameter] of named)
      parameter.grad = upload(`gradient.${step}.${name}`, parameter.dtype as "float32").detach();
    optimizer.step({ learningRate: 0.01 * (1 + Math.cos(step / 10)) });
    yield step + 1;
  }
}

const cases: [string, ExponentialMovingAverageOptions][] = [
  ["averageV2", { decay: 0.95 }],
  ["averageV3", { decay: 0.96, warmup: { gamma: 2, power: 0.75 } }],
];

describe.each([
  ["float32", 1e-5],
  ["float64", 1e-12],
] as const)("in %s", (dtype, tolerance) => {
  test.each(cases)("%s is timm's over 100 steps", async (name, options) => {
    const { named, model } = setUp(dtype);
    const average = new ExponentialMovingAverage(model, options);
    let compared = 0;
    for (const step of train(named)) {
      average.update();
      for (const [key, value] of average.stateDict().tensors) {
        const expected = tensors.get(`${name}/after.${step}.${key}`);
        if (expected === undefined) continue;
        expect(largestError(await value.data(), expected.data as Float64Array)).toBeLessThan(tolerance);
        compared++;
      }
    }
    expect(compared).toBe(8);
    expect(average.updates).toBe(100);
  });
});

test("the decay rises with the number of updates up to its limit", () => {
  const { model } = setUp("float32");
  const average = new ExponentialMovingAverage(model, { decay: 0.9, warmup: {} });
  expect(average.warmup).toEqual({ gamma: 1, power: 2 / 3 });
  expect(average.decayAt(0)).toBe(0);
  expect(average.decayAt(7)).toBeCloseTo(1 - 8 ** (-2 / 3), 15);
  expect(average.decayAt(1000)).toBe(0.9);
  expect(new ExponentialMovingAverage(model).decayAt(0)).toBe(0.9999);
});

async function values(named: ReadonlyMap<string, Tensor>): Promise<Map<string, ArrayLike<number>>> {
  return new Map(
    await Promise.all([...named].map(async ([name, value]) => [name, await value.data()] as const)),
  );
}

test("swapped in, the model has the averages; afterwards its weights, also after an error", async () => {
  const { named, model } = setUp("float32");
  const average = new ExponentialMovingAverage(model, { decay: 0.5 });
  train(named).next();
  average.update();
  const [weights, averages] = [await values(named), await values(average.stateDict().tensors)];
  expect(averages).not.toEqual(weights);
  const seen = await average.withAverages(() => values(named));
  expect(seen).toEqual(averages);
  await expect(average.withAverages(() => average.update())).rejects.toThrow(
    "ExponentialMovingAverage: update() while the averages stand in the model. Call swap() again first.",
  );
  expect(await values(named)).toEqual(weights);
  expect(await values(average.stateDict().tensors)).toEqual(averages);
  average.dispose();
});

test("saved and loaded gives the same bits", async () => {
  const run = async (stopAt: number | null) => {
    const { named, model } = setUp("float32");
    let average = new ExponentialMovingAverage(model, cases[1]![1]);
    for (const step of train(named)) {
      average.update();
      if (step !== stopAt) continue;
      const saved = await average.hostStateDict();
      expect(saved.updates).toBe(step);
      average = new ExponentialMovingAverage(model, cases[1]![1]);
      average.loadStateDict(saved);
    }
    return average.hostStateDict();
  };
  expect(await run(40)).toEqual(await run(null));
});

test("says what is wrong, and takes nothing over", async () => {
  const { model } = setUp("float32");
  expect(() => new ExponentialMovingAverage(model, { decay: 1.1 })).toThrow(
    "ExponentialMovingAverage: decay is 1.1; expected a number from 0 to 1.",
  );
  expect(() => new ExponentialMovingAverage(model, { warmup: { gamma: 0 } })).toThrow(
    "ExponentialMovingAverage: warmup.gamma is 0; expected a number > 0.",
  );
  const average = new ExponentialMovingAverage(model);
  const before = await average.hostStateDict();
  const wrong = new Map<string, HostTensor>([
    ["matrix", before.tensors.get("matrix")!],
    ["other", { dtype: "float32", shape: [2], data: new Float32Array(2) }],
  ]);
  expect(() => average.loadStateDict({ updates: 3, tensors: wrong })).toThrow(
    "ExponentialMovingAverage.loadStateDict: 2 averages are another model's: bias (given none, expected " +
      "5), other (given 2, expected none). Load the averages that were saved together with these weights.",
  );
  expect(await average.hostStateDict()).toEqual(before);
});
