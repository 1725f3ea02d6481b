import { readSafetensors, type Tensor, zeros } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { cosineSchedule, parameterGroups } from "@splitmask/optim";

const device = createDevice({ threads: 1 });
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

describe("cosineSchedule", () => {
  test.each([
    ["warmup", { base: 1.5e-3, minimum: 1e-5, warmupSteps: 12, totalSteps: 100 }],
    ["plain", { base: 0.05, minimum: 0, totalSteps: 30 }],
  ])("gives BEiT's values: %s", async (name, options) => {
    const { tensors } = await readSafetensors("test/fixtures/optim.safetensors");
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
