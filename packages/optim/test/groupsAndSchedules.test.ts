import { affine, readSafetensors, scope, type Tensor, tensor, zeros } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  AdamW,
  constantSchedule,
  cosineSchedule,
  freeze,
  linearSchedule,
  multiStepSchedule,
  parameterGroups,
  type Schedule,
  stepSchedule,
  thaw,
  transformerLayers,
  withWarmup,
} from "@splitmask/optim";

const device = createDevice({ threads: 1 });
const { tensors } = await readSafetensors("test/fixtures/optim.safetensors");
afterAll(() => device.close());

const model = (shapes: Record<string, number[]>) => ({
  namedParameters: () =>
    new Map<string, Tensor>(
      Object.entries(shapes).map(([name, shape]) => [name, zeros(device, shape, { requiresGrad: true })]),
    ),
});

test("matrices are decayed; biases, norms, positions and tokens are not", () => {
  const given = model({
    cls_token: [1, 1, 4],
    pos_embed: [1, 3, 4],
    "patch_embed.proj.weight": [4, 3, 2, 2],
    "patch_embed.proj.bias": [4],
    "blocks.0.norm1.weight": [4],
    "blocks.0.attn.qkv.weight": [12, 4],
    "blocks.0.ls1.gamma": [4],
    "decoder.mask_token": [1, 1, 4],
    "rel_pos_bias.relative_position_bias_table": [9, 2],
    "head.weight": [7, 4],
  });
  const groups = parameterGroups(given, { weightDecay: 0.1, noDecay: (name) => name.startsWith("head.") });
  expect(groups.map((group) => [group.weightDecay, [...group.parameters.keys()]])).toEqual([
    [0.1, ["patch_embed.proj.weight", "blocks.0.attn.qkv.weight"]],
    [
      0,
      [
        "cls_token",
        "pos_embed",
        "patch_embed.proj.bias",
        "blocks.0.norm1.weight",
        "blocks.0.ls1.gamma",
        "decoder.mask_token",
        "rel_pos_bias.relative_position_bias_table",
        "head.weight",
      ],
    ],
  ]);
});

test("what is frozen and what is empty is left out", () => {
  const named = model({ weight: [2, 2], bias: [2] }).namedParameters();
  named.get("bias")!.requiresGrad = false;
  const groups = parameterGroups({ namedParameters: () => named });
  expect(groups.map((group) => [group.weightDecay, [...group.parameters.keys()]])).toEqual([
    [0.05, ["weight"]],
  ]);
});

describe("layer-wise decay of the learning rate", () => {
  const under = (prefix: string) =>
    new Map(
      [...tensors].flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
      ),
    );

  test("counts layers as BEiT does, and scales as timm but for the last norm", () => {
    const expected = under("layerDecay/scale.");
    const named = new Map(
      [...expected.keys()].map((name) => [name, zeros(device, [2, 2], { requiresGrad: true })]),
    );
    const groups = parameterGroups({ namedParameters: () => named }, { layerDecay: 0.65 });
    const scales = new Map(
      groups.flatMap(({ parameters, learningRateScale }) =>
        [...parameters.keys()].map((name) => [name, learningRateScale!] as const),
      ),
    );
    expect(scales.size).toBe(expected.size);
    for (const [name, scale] of scales) {
      const theirs = Number(expected.get(name)!.data[0]);
      expect([name, scale]).toEqual([name, name.startsWith("norm.") ? 1 : expect.closeTo(theirs, 14)]);
    }
    expect(scales.get("pos_embed")).toBeCloseTo(0.65 ** 3, 14);
    expect(scales.get("norm.weight")).toBe(1);
    expect(Number(expected.get("norm.weight")!.data[0])).toBeCloseTo(0.65, 14);
  });

  test("a vision transformer after 100 steps of AdamW is timm's", async () => {
    const named = new Map(
      [...under("layerDecay/start.")].map(([name, host]) => [
        name,
        tensor(device, host, undefined, { dtype: "float64", requiresGrad: true }),
      ]),
    );
    const optimizer = new AdamW(
      parameterGroups({ namedParameters: () => named }, { weightDecay: 0.05, layerDecay: 0.65 }),
    );
    for (let step = 0; step < 100; step++) {
      scope(device, () => {
        for (const parameter of named.values())
          parameter.grad = affine(parameter.detach(), Math.cos(step), Math.sin(step) / 10);
        optimizer.step({ learningRate: 0.01 * (1 + Math.cos(step / 10)) });
        optimizer.zeroGrad();
      });
    }
    for (const [name, parameter] of named) {
      const expected = tensors.get(`layerDecay/after.${name}`)!.data as Float64Array;
      expect([name, largestError(await parameter.data(), expected) < 1e-12]).toEqual([name, true]);
    }
  });

  test("an encoder inside a model, frozen layers, and layers of one's own", () => {
    const names = [
      "encoder.pos_embed",
      "encoder.blocks.0.mlp.fc1.weight",
      "decoder.blocks.7.mlp.fc1.weight",
      "head.bias",
    ];
    expect([...transformerLayers(names).values()]).toEqual([0, 1, 2, 2]);
    const given = model({
      "patch_embed.proj.weight": [2, 2],
      "blocks.0.attn.qkv.weight": [6, 2],
      "head.weight": [3, 2],
    });
    const named = given.namedParameters();
    named.get("patch_embed.proj.weight")!.requiresGrad = false;
    const frozen = parameterGroups({ namedParameters: () => named }, { layerDecay: 0.5 });
    expect(frozen.map((group) => group.learningRateScale)).toEqual([0.5, 1]);
    const own = parameterGroups(given, {
      layerDecay: 0.5,
      layers: (all) => new Map([...all].map((name, i) => [name, i])),
    });
    expect(own.map((group) => group.learningRateScale)).toEqual([0.25, 0.5, 1]);
    expect(() => parameterGroups(given, { layerDecay: 0 })).toThrow(
      "parameterGroups: layerDecay is 0; expected a number in (0, 1], 1 for the same learning rate everywhere.",
    );
  });
});

test("freezing by name, and thawing", () => {
  const named = model({
    "patch_embed.proj.weight": [2, 2],
    "blocks.0.norm1.weight": [2],
    "blocks.10.norm1.weight": [2],
    "head.weight": [3, 2],
  }).namedParameters();
  const given = { namedParameters: () => named };
  named.get("blocks.10.norm1.weight")!.requiresGrad = false;
  const frozen = freeze(given, ["patch_embed.*", "blocks.1*.norm1.weight", "blocks.0.*"]);
  expect(frozen).toEqual(["patch_embed.proj.weight", "blocks.0.norm1.weight"]);
  expect(parameterGroups(given).flatMap((group) => [...group.parameters.keys()])).toEqual(["head.weight"]);
  thaw(given, frozen);
  expect([...named.values()].map((parameter) => parameter.requiresGrad)).toEqual([true, true, false, true]);
  expect(() => freeze(given, ["head.weight", "head"])).toThrow(
    'freeze: "head" matches none of the 4 parameters. Their names are patch_embed.proj.weight, ' +
      "blocks.0.norm1.weight, blocks.10.norm1.weight, head.weight; * stands for any characters.",
  );
  expect(named.get("head.weight")!.requiresGrad).toBe(true);
  // A dot is a dot.
  expect(() => freeze(given, ["headXweight"])).toThrow("matches none");
  expect(() => thaw(given, ["tail"])).toThrow("thaw: there is no parameter tail.");
});

test.each<[string, Schedule]>([
  ["constant", constantSchedule(0.3)],
  ["linear", linearSchedule({ base: 0.3, minimum: 0.03, totalSteps: 80 })],
  ["step", stepSchedule({ base: 0.3, every: 30, factor: 0.5 })],
  ["multiStep", multiStepSchedule({ base: 0.3, milestones: [51, 20, 50], factor: 0.2 })],
  [
    "warmMultiStep",
    withWarmup(multiStepSchedule({ base: 0.3, milestones: [20, 50] }), {
      base: 0.3,
      warmupSteps: 10,
      start: 0.003,
    }),
  ],
  ["weightDecay", cosineSchedule({ base: 0.04, minimum: 0.4, totalSteps: 100 })],
])("the schedule %s gives PyTorch's (DINO's) values over 100 steps", (name, schedule) => {
  const expected = tensors.get(`schedule/${name}`)!.data as Float64Array;
  expect(expected.length).toBe(100);
  expect(
    largestError(
      Array.from(expected, (_, step) => schedule(step)),
      expected,
    ),
  ).toBeLessThan(1e-13);
});

test("schedules say what is wrong", () => {
  expect(() => withWarmup(constantSchedule(1), { base: 1, warmupSteps: -1 })).toThrow(
    "withWarmup: warmupSteps is -1; expected a whole number, at least 0.",
  );
  expect(() => linearSchedule({ base: 1, totalSteps: 0 })).toThrow("linearSchedule: totalSteps is 0;");
  expect(() => stepSchedule({ base: 1, every: 1.5 })).toThrow("stepSchedule: every is 1.5;");
  expect(() => multiStepSchedule({ base: 1, milestones: [3, -2] })).toThrow(
    "multiStepSchedule: a milestone is -2; expected a whole number, at least 0.",
  );
});

describe("cosineSchedule", () => {
  test.each([
    ["warmup", { base: 1.5e-3, minimum: 1e-5, warmupSteps: 12, totalSteps: 100 }],
    ["plain", { base: 0.05, minimum: 0, totalSteps: 30 }],
  ])("gives BEiT's values: %s", async (name, options) => {
    const expected = tensors.get(`schedule/${name}`)!.data as Float64Array;
    const schedule = cosineSchedule(options);
    expect(
      largestError(
        Array.from(expected, (_, step) => schedule(step)),
        expected,
      ),
    ).toBeLessThan(1e-14);
    expect(schedule(options.totalSteps)).toBe(options.minimum);
  });

  test("holds at the edges", () => {
    const schedule = cosineSchedule({ base: 1, warmupSteps: 1, totalSteps: 1, minimum: 0.5 });
    expect([schedule(0), schedule(1), schedule(99)]).toEqual([1, 0.5, 0.5]);
    expect(() => cosineSchedule({ base: 1, warmupSteps: 5, totalSteps: 3 })).toThrow(
      "cosineSchedule: warmupSteps is 5 and totalSteps is 3; expected whole numbers with 0 ≤ warmupSteps ≤ totalSteps.",
    );
  });
});
