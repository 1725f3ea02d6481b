import { copyInto, type HostTensor, ones, scope, sum, zeros } from "@splitmask/autograd";
import { withSecondCopy } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { LayerNorm, Linear, Module, Parameter, patchify, unpatchify } from "@splitmask/nn";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

class Model extends Module {
  readonly pos_embed = new Parameter(zeros(device, [1, 4, 2]));
  readonly blocks = [0, 1].map(
    (index) => new Linear(device, { inFeatures: 2, outFeatures: 2, seed: 1, purpose: `blocks.${index}` }),
  );
  readonly norm = new LayerNorm(device, { width: 2 });
  readonly head = new Linear(device, {
    inFeatures: 2,
    outFeatures: 3,
    bias: false,
    seed: 1,
    purpose: "head",
  });
  readonly shared = this.head.weight;
  readonly depth = 2;
  readonly nothing = null;
}

const names = [
  "pos_embed",
  "blocks.0.weight",
  "blocks.0.bias",
  "blocks.1.weight",
  "blocks.1.bias",
  "norm.weight",
  "norm.bias",
  "head.weight",
];

test("a parameter leaves its first values to whoever gave them", async () => {
  const given = zeros(device, [3]);
  const parameter = scope(device, () => new Parameter(given));
  copyInto(parameter, ones(device, [3]));
  expect([...(await given.data())]).toEqual([0, 0, 0]);
  expect([...(await parameter.data())]).toEqual([1, 1, 1]);
  const before = device.memory().liveBuffers;
  new Linear(device, { inFeatures: 2, outFeatures: 2, seed: 1, purpose: "l", initializer: () => given });
  expect([...(await given.data())]).toEqual([0, 0, 0]);
  expect(device.memory().liveBuffers).toBe(before + 2);
});

test("finds parameters by property, in order, each once", () => {
  const model = new Model();
  expect([...model.namedParameters().keys()]).toEqual(names);
  expect([...model.children.keys()]).toEqual(["blocks.0", "blocks.1", "norm", "head"]);
  expect(model.parameterCount).toBe(8 + 2 * 6 + 4 + 6);
});

test("saves and loads", async () => {
  const [first, second] = [new Model(), new Model()];
  const state = await first.hostStateDict();
  state.set("pos_embed", { dtype: "float32", shape: [1, 4, 2], data: new Float32Array(8).fill(3) });
  expect(second.loadStateDict(state)).toEqual({ missing: [], unexpected: [], misshaped: [] });
  expect([...(await second.pos_embed.data())]).toEqual(new Array(8).fill(3));
  second.loadStateDict(first.stateDict());
  expect([...(await second.pos_embed.data())]).toEqual(new Array(8).fill(0));
});

describe("weights that do not fit", () => {
  const host = (shape: number[]): HostTensor => ({
    dtype: "float32",
    shape,
    data: new Float32Array(shape.reduce((size, extent) => size * extent, 1)),
  });
  const state = async (): Promise<Map<string, HostTensor>> => new Map(await new Model().hostStateDict());

  test("are listed by name, and nothing is changed", async () => {
    const model = new Model();
    const given = await state();
    given.delete("norm.bias");
    given.set("fc.weight", host([2]));
    given.set("head.weight", host([5, 2]));
    given.set("pos_embed", host([1, 4, 2]));
    const before = await model.pos_embed.data();
    expect(() => model.loadStateDict(given)).toThrow(
      [
        "loadStateDict: the weights do not fit Model.",
        "Missing: norm.bias.",
        "Unexpected: fc.weight.",
        "Of another shape: head.weight (given 5×2, expected 3×2).",
        "Make the module with the sizes of the weights (width, depth, patch size, classes).",
      ].join("\n"),
    );
    expect(await model.pos_embed.data()).toEqual(before);
    expect(() => model.loadStateDict(given, { strict: false })).toThrow("Of another shape: head.weight");
  });

  test("load by name without strict, telling what differs", async () => {
    const given = await state();
    given.delete("norm.bias");
    given.set("fc.weight", host([2]));
    expect(new Model().loadStateDict(given, { strict: false })).toEqual({
      missing: ["norm.bias"],
      unexpected: ["fc.weight"],
      misshaped: [],
    });
  });

  test("with a prefix too much or too few are recognized", async () => {
    const prefixed = new Map([...(await state())].map(([name, value]) => [`encoder.${name}`, value]));
    expect(() => new Model().loadStateDict(prefixed)).toThrow(
      'The given names begin with "encoder.": take that off',
    );
    expect(() => new Model().loadStateDict(prefixed)).toThrow(/Missing: .*Unexpected: /s);
    class Outer extends Module {
      readonly encoder = new Model();
    }
    const short = await state();
    expect(() => new Outer().loadStateDict(short)).toThrow('The given names lack the beginning "encoder."');
  });
});

test("a parameter outlives the scope that made it", async () => {
  const layer = scope(device, () => {
    const made = new Linear(device, { inFeatures: 2, outFeatures: 2, seed: 1, purpose: "a" });
    return () => made;
  })();
  expect((await layer.weight.data()).length).toBe(4);
  sum(layer.forward(zeros(device, [1, 2]))).backward();
  expect(layer.bias!.grad).not.toBeNull();
  layer.zeroGrad();
  expect(layer.bias!.grad).toBeNull();
});

test("patchify reads a patch channel by channel, row by row", async () => {
  const pixels = zeros(device, [1, 2, 4, 6]);
  device.upload(
    pixels,
    Float32Array.from({ length: 48 }, (_, index) => index),
  );
  const patches = patchify(pixels, 2);
  expect(patches.shape).toEqual([1, 6, 8]);
  const values = [...(await patches.data())];
  expect(values.slice(0, 8)).toEqual([0, 1, 6, 7, 24, 25, 30, 31]);
  expect(values.slice(32, 40)).toEqual([14, 15, 20, 21, 38, 39, 44, 45]);
  expect(() => patchify(pixels, 4)).toThrow(
    "patchify: pixels is 1×2×4×6 and patchSize is 4; expected B×C×H×W with H and W multiples of the patch size.",
  );
});

test("unpatchify puts together what patchify cut", async () => {
  const pixels = zeros(device, [2, 3, 4, 6]);
  device.upload(
    pixels,
    Float32Array.from({ length: 144 }, (_, index) => index),
  );
  const pictures = unpatchify(patchify(pixels, 2), [2, 3], 2);
  expect(pictures.shape).toEqual([2, 3, 4, 6]);
  expect(await pictures.data()).toEqual(await pixels.data());
  expect(() => unpatchify(patchify(pixels, 2), [3, 3], 2)).toThrow(
    "unpatchify: patches are 2×6×12; expected B×9×(C·2²) for a grid of 3×3 patches of 2×2 pixels.",
  );
  expect(() => unpatchify(patchify(pixels, 2), [2, 3], 4)).toThrow("expected B×6×(C·4²)");
});

describe("what a module would not find is an error that names it", () => {
  const linear = () => new Linear(device, { inFeatures: 2, outFeatures: 2, seed: 1, purpose: "l" });
  class Holder extends Module {
    readonly part: unknown;

    constructor(part: unknown) {
      super();
      this.part = part;
    }
  }

  test.each<[string, () => unknown, string]>([
    ["a map", () => new Map([["a", linear()]]), "Holder: part holds the module Linear inside of a Map"],
    ["a set", () => new Set([linear().weight]), "Holder: part holds a parameter inside of a Set"],
    [
      "an object",
      () => ({ inner: { query: linear() } }),
      "Holder: part holds the module Linear inside of an object",
    ],
    [
      "an array of arrays",
      () => [[linear()]],
      "Holder: part.0 holds the module Linear inside of an array of arrays",
    ],
    [
      "a tensor that requires a gradient",
      () => Object.assign(ones(device, [2]), { requiresGrad: true }),
      "Holder: part is a tensor that requires a gradient, but no Parameter",
    ],
    [
      "such a tensor in a map",
      () => new Map([["scale", Object.assign(ones(device, [2]), { requiresGrad: true })]]),
      "Holder: part holds a tensor that requires a gradient, but is no Parameter, inside of a Map",
    ],
  ])("in %s", (_, part, text) => {
    expect(() => new Holder(part()).parameters()).toThrow(text);
  });

  test("other things in such places are nothing to it", () => {
    const fine = new Map<string, unknown>([
      ["mean", [0.5]],
      ["picture", ones(device, [2])],
      ["none", null],
    ]);
    expect(new Holder([fine, { width: 2 }, "text", null]).parameters()).toEqual([]);
  });
});

test("a part from another copy of the package is found like any other", () =>
  withSecondCopy<typeof import("@splitmask/nn")>(".", (other) => {
    class Mixed extends Module {
      readonly norm = new other.LayerNorm(device, { width: 2 });
      readonly scale = new other.Parameter(ones(device, [1]));
    }
    const mixed = new Mixed();
    expect(mixed.norm).not.toBeInstanceOf(Module);
    expect([...mixed.namedParameters().keys()]).toEqual(["norm.weight", "norm.bias", "scale"]);
    expect([...mixed.children.keys()]).toEqual(["norm"]);
  }));
