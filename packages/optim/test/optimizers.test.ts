import { type HostTensor, readSafetensors, type Tensor, tensor } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  AdamW,
  clipGradientNorm,
  clipGradientNorms,
  cosineSchedule,
  LARS,
  type Optimizer,
  type ParameterGroup,
  SGD,
} from "@splitmask/optim";

const device = createDevice({ threads: 2 });
const { tensors } = await readSafetensors("test/fixtures/optim.safetensors");
afterAll(() => device.close());

const STEPS = 100;
const learningRate = (step: number): number => 0.01 * (1 + Math.cos(step / 10));

type DType = "float32" | "float64";

function parameters(dtype: DType): Map<string, Tensor> {
  const start = (name: string) =>
    tensor(device, tensors.get(`start.${name}`)!, undefined, { dtype, requiresGrad: true });
  return new Map(["matrix", "bias"].map((name) => [name, start(name)]));
}

function groups(named: Map<string, Tensor>): ParameterGroup[] {
  return [
    { parameters: new Map([["matrix", named.get("matrix")!]]) },
    { parameters: new Map([["bias", named.get("bias")!]]), weightDecay: 0 },
  ];
}

function setGradients(named: Map<string, Tensor>, step: number, late = false): void {
  for (const [name, parameter] of named) {
    if (late && !hasGradient(name, step)) {
      parameter.grad = null;
      continue;
    }
    parameter.grad = tensor(device, tensors.get(`gradient.${step}.${name}`)!, undefined, {
      dtype: parameter.dtype,
    });
  }
}

/** In the cases that end in Late: the bias from step 50 on, the matrix in two of three steps. */
const hasGradient = (name: string, step: number): boolean => (name === "bias" ? step >= 50 : step % 3 !== 1);

interface Case {
  readonly make: (groups: ParameterGroup[]) => Optimizer;
  readonly clip?: number;
  readonly clipEach?: boolean;
  readonly weightDecay?: (step: number) => number;
  readonly late?: boolean;
}

const cases: Record<string, Case> = {
  adamW: { make: (given) => new AdamW(given, { betas: [0.9, 0.98], epsilon: 1e-6, weightDecay: 0.1 }) },
  adamWLate: {
    make: (given) => new AdamW(given, { betas: [0.9, 0.98], epsilon: 1e-6, weightDecay: 0.1 }),
    late: true,
  },
  adamWClipped: { make: (given) => new AdamW(given, { weightDecay: 0.05 }), clip: 3 },
  adamWClippedEach: { make: (given) => new AdamW(given, { weightDecay: 0.05 }), clip: 3, clipEach: true },
  adamWScheduledDecay: {
    make: (given) => new AdamW(given, { weightDecay: 0.04 }),
    weightDecay: cosineSchedule({ base: 0.04, minimum: 0.4, totalSteps: STEPS }),
  },
  sgd: { make: (given) => new SGD(given, { momentum: 0, weightDecay: 0.01 }) },
  sgdMomentum: { make: (given) => new SGD(given, { momentum: 0.9, weightDecay: 0.01 }), clip: 0.5 },
  sgdNesterov: { make: (given) => new SGD(given, { momentum: 0.8, nesterov: true, weightDecay: 0.01 }) },
  sgdNesterovLate: {
    make: (given) => new SGD(given, { momentum: 0.8, nesterov: true, weightDecay: 0.01 }),
    late: true,
  },
  larsLate: { make: (given) => new LARS(given, { weightDecay: 0.01, trustCoefficient: 0.02 }), late: true },
  lars: { make: (given) => new LARS(given, { weightDecay: 0.01, trustCoefficient: 0.02 }) },
  larsPlain: { make: (given) => new LARS(given, { momentum: 0, trustCoefficient: 0.02 }) },
  larsNesterov: {
    make: (given) =>
      new LARS(given, { momentum: 0.8, nesterov: true, weightDecay: 0.02, trustCoefficient: 0.05 }),
    clip: 0.5,
  },
};

/** Clips, steps; gives the norm before clipping, if the case has one. */
function step(optimizer: Optimizer, { clip, clipEach, weightDecay }: Case, index: number): Tensor | null {
  const decay = weightDecay === undefined ? {} : { weightDecay: weightDecay(index) };
  const options = { learningRate: learningRate(index), ...decay };
  if (clip === undefined) {
    optimizer.step(options);
    return null;
  }
  if (clipEach) {
    const norm = clipGradientNorms(optimizer.parameters, clip);
    optimizer.step(options);
    return norm;
  }
  const { norm, scale } = clipGradientNorm(optimizer.parameters, clip);
  optimizer.step({ ...options, gradientScale: scale });
  return norm;
}

describe.each([
  ["float32", 1e-5],
  ["float64", 1e-12],
] as const)("in %s", (dtype, tolerance) => {
  test.each(Object.keys(cases))(`%s gives PyTorch's or timm's numbers over ${STEPS} steps`, async (name) => {
    const named = parameters(dtype);
    const given = cases[name]!;
    const optimizer = given.make(groups(named));
    const norms: Tensor[] = [];
    let compared = 0;
    for (let index = 0; index < STEPS; index++) {
      setGradients(named, index, given.late);
      const norm = step(optimizer, given, index);
      if (norm !== null) norms.push(norm);
      for (const [key, parameter] of named) {
        const expected = tensors.get(`${name}/after.${index + 1}.${key}`);
        if (expected === undefined) continue;
        expect(largestError(await parameter.data(), expected.data as Float64Array)).toBeLessThan(tolerance);
        compared++;
      }
    }
    expect(compared).toBe(8);
    const expectedNorms = tensors.get(`${name}/norms`);
    expect(expectedNorms === undefined).toBe(given.clip === undefined);
    if (expectedNorms !== undefined) {
      const found = await Promise.all(norms.map((norm) => norm.item()));
      expect(largestError(found, expectedNorms.data as Float64Array)).toBeLessThan(tolerance);
    }
  });
});

test.each([false, true])(
  "stopped and resumed gives the same bits; gradients that come late: %p",
  async (late) => {
    const run = async (stopAt: number | null): Promise<Map<string, HostTensor>> => {
      let named = parameters("float32");
      let optimizer: Optimizer = new AdamW(groups(named));
      for (let step = 40; step < 60; step++) {
        if (step === stopAt) {
          const weights = await Promise.all(
            [...named].map(async ([key, value]) => [key, await value.toHost()] as const),
          );
          const saved = await optimizer.hostStateDict();
          named = new Map(
            weights.map(([key, host]) => [key, tensor(device, host, undefined, { requiresGrad: true })]),
          );
          optimizer = new AdamW(groups(named));
          optimizer.loadStateDict(saved);
          expect(optimizer.steps).toBe(step - 40);
        }
        setGradients(named, step, late);
        optimizer.step({ learningRate: learningRate(step) });
      }
      const { tensors: state } = await optimizer.hostStateDict();
      for (const [key, value] of named) state.set(key, await value.toHost());
      return state;
    };
    const whole = await run(null);
    for (const stop of [47, 55]) expect(await run(stop)).toEqual(whole);
    expect([...whole.keys()]).toEqual([
      "first_moment.matrix",
      "first_moment.bias",
      "second_moment.matrix",
      "second_moment.bias",
      "matrix",
      "bias",
    ]);
  },
);

test("parameters without a gradient are left alone", async () => {
  const named = parameters("float32");
  const optimizer = new AdamW(groups(named));
  setGradients(named, 0);
  named.get("bias")!.grad = null;
  const before = await named.get("bias")!.data();
  optimizer.step({ learningRate: 1 });
  expect(await named.get("bias")!.data()).toEqual(before);
  expect([...optimizer.stateDict().tensors.keys()]).toEqual(["first_moment.matrix", "second_moment.matrix"]);
  optimizer.zeroGrad();
  expect(named.get("matrix")!.grad).toBeNull();
});

test("learning rates are scaled by group", async () => {
  const named = parameters("float32");
  const [matrix, bias] = groups(named);
  const optimizer = new SGD([matrix!, { ...bias!, learningRateScale: 0 }], { momentum: 0 });
  setGradients(named, 0);
  const before = await named.get("bias")!.data();
  optimizer.step();
  expect(await named.get("bias")!.data()).toEqual(before);
});

test("says what is wrong", async () => {
  const named = parameters("float32");
  const both = groups(named);
  expect(() => new AdamW([])).toThrow("AdamW: there is no parameter to train; pass parameterGroups(model).");
  expect(() => new AdamW([both[0]!, both[0]!])).toThrow("AdamW: the parameter matrix occurs twice");
  expect(() => new AdamW([{ parameters: new Map([["x", tensor(device, [1])]]) }])).toThrow(
    "AdamW: x does not require a gradient; leave it out or set requiresGrad.",
  );
  expect(() => new AdamW(both, { betas: [0.9, 1] })).toThrow(
    "AdamW: betas are [0.9, 1]; expected two numbers in [0, 1).",
  );
  expect(() => new SGD(both, { momentum: 0, nesterov: true })).toThrow("above 0 with nesterov");
  expect(() => clipGradientNorm(named.values(), 3)).toThrow(
    "clipGradientNorm: no parameter has a gradient; call backward() on the loss first.",
  );
  expect(() => clipGradientNorm(named.values(), -1)).toThrow("maximum is -1");
  expect(() => clipGradientNorms(named.values(), 3)).toThrow(
    "clipGradientNorms: no parameter has a gradient; call backward() on the loss first.",
  );
  expect(() => new LARS(both, { momentum: 1 })).toThrow(
    "LARS: momentum is 1 and nesterov is false; expected momentum in [0, 1), above 0 with nesterov.",
  );
  expect(() => new LARS(both, { trustCoefficient: 0 })).toThrow(
    "LARS: trustCoefficient is 0; expected a positive number, e.g. 0.001.",
  );
  const optimizer = new AdamW(both);
  const wrong = new Map<string, HostTensor>([
    ["first_moment.other", { dtype: "float32", shape: [1], data: new Float32Array(1) }],
    ["first_moment.bias", { dtype: "float32", shape: [2], data: new Float32Array(2) }],
  ]);
  expect(() => optimizer.loadStateDict({ step: 3, tensors: wrong })).toThrow(
    [
      "AdamW.loadStateDict: the state is another model's or optimizer's.",
      "Unknown: first_moment.other (1 in all).",
      "Of another shape: first_moment.bias (given 2, expected 5).",
      "Load the state that was saved together with these weights.",
    ].join("\n"),
  );
  expect(optimizer.steps).toBe(0);
});
