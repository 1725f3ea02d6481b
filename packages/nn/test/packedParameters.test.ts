import { copyInto, noGrad, normal, type Tensor, type WeightFormat, zeros } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { inference, Linear, Mlp, Module, PackedParameters, TransformerBlock } from "@splitmask/nn";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const block = new TransformerBlock(device, { width: 32, heads: 2, seed: 1, purpose: "block" });
const x = normal(device, [2, 7, 32], { key: { seed: 1, purpose: "x" } });
const numbers = async (given: Tensor) => [...(await given.data())];

test("packs the weights of all linear layers, each once, and nothing else", () => {
  class Shared extends Module {
    readonly first = new Linear(device, { inFeatures: 32, outFeatures: 32, seed: 1, purpose: "first" });
    readonly second = this.first;
    readonly block = block;
  }
  const model = new Shared();
  const before = device.memory().liveBytes;
  const packed = new PackedParameters(model, "float32");
  const names = [...model.namedParameters()].filter(([, parameter]) => packed.of(parameter) !== undefined);
  expect(names.map(([name]) => name)).toEqual([
    ...["first.weight", "block.attn.qkv.weight", "block.attn.proj.weight"],
    ...["block.mlp.fc1.weight", "block.mlp.fc2.weight"],
  ]);
  expect(packed.bytes).toBe(4 * 32 * 32 * (1 + 3 + 1 + 4 + 4));
  packed.dispose();
  expect(device.memory().liveBytes).toBe(before);
});

test("a transformer block multiplies with them: float32 to the bit, the others nearly", async () => {
  const forward = (packed?: PackedParameters) =>
    numbers(noGrad(device, () => block.forward(x, { ...inference, packed })));
  const expected = await forward();
  const errorOf = async (format: WeightFormat) => {
    const given = await forward(new PackedParameters(block, format));
    return Math.max(...given.map((value, i) => Math.abs(value - expected[i]!)));
  };
  expect(await errorOf("float32")).toBe(0);
  for (const format of ["bfloat16", "int8"] as const) {
    const error = await errorOf(format);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.01);
  }
});

test("are refused after a parameter changed", () => {
  const mlp = new Mlp(device, { width: 32, seed: 1, purpose: "mlp" });
  const packed = new PackedParameters(mlp, "int8");
  const forward = () => noGrad(device, () => mlp.forward(x, { ...inference, packed }));
  expect(forward().shape).toEqual([2, 7, 32]);
  copyInto(mlp.fc1.bias!, zeros(device, [128]));
  expect(forward().shape).toEqual([2, 7, 32]);
  copyInto(mlp.fc2.weight, zeros(device, [32, 128]));
  expect(forward).toThrow("the weight 32×128 was written to after it was packed");
});
