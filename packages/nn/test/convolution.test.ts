import { readSafetensors, type Tensor, tensor } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { Conv2d, ConvTranspose2d, zerosInitializer } from "@splitmask/nn";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const drawn = { seed: 1, purpose: "test" };
const layers = {
  conv2d: new Conv2d(device, {
    ...{ ...drawn, inChannels: 3, outChannels: 4 },
    ...{ kernelSize: 3, stride: 2, padding: 1 },
  }),
  convTranspose2d: new ConvTranspose2d(device, {
    ...{ ...drawn, inChannels: 3, outChannels: 4 },
    ...{ kernelSize: 4, stride: 3, padding: 1, outputPadding: 2 },
  }),
};

test.each(Object.entries(layers))(
  "%s agrees with PyTorch, and so does every gradient",
  async (name, layer) => {
    const { tensors } = await readSafetensors(`test/fixtures/${name}.safetensors`);
    const onDevice = (key: string, requiresGrad = false) =>
      tensor(device, tensors.get(key)!, undefined, { dtype: "float32", requiresGrad });
    const error = async (actual: Tensor, key: string) =>
      largestError(await actual.data(), tensors.get(key)!.data as Float64Array);
    layer.loadStateDict(
      new Map(
        [...tensors].flatMap(([key, value]) =>
          key.startsWith("parameter.") ? [[key.slice("parameter.".length), value]] : [],
        ),
      ),
    );
    const x = onDevice("input", true);
    const output = layer.forward(x);
    expect(await error(output, "output")).toBeLessThan(2e-6);
    output.backward(onDevice("outputGradient"));
    expect(await error(x.grad!, "inputGradient")).toBeLessThan(2e-6);
    for (const [key, parameter] of layer.namedParameters())
      expect(await error(parameter.grad!, `gradient.${key}`)).toBeLessThan(2e-6);
  },
);

test.each([
  [Conv2d, 8],
  [ConvTranspose2d, 16],
] as const)("%p begins uniform in ±1/√fan-in, the bias too", async (Layer, channels) => {
  const layer = new Layer(device, { ...drawn, inChannels: 8, outChannels: 16, kernelSize: 5 });
  const bound = 1 / Math.sqrt(channels * 25);
  for (const parameter of layer.namedParameters().values()) {
    const values = await parameter.data();
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.8 * bound);
  }
});

test("ReLU, an initializer, no bias, and sizes that are none", async () => {
  const options = { ...drawn, inChannels: 1, outChannels: 2, kernelSize: 1 };
  const x = tensor(device, [-1, 2], [1, 1, 1, 2]);
  const layer = new Conv2d(device, { ...options, bias: false });
  layer.loadStateDict(new Map([["weight", tensor(device, [1, -1], [2, 1, 1, 1])]]));
  expect([...(await layer.forward(x, { activation: "relu" }).data())]).toEqual([0, 2, 1, 0]);
  const zero = new ConvTranspose2d(device, { ...options, initializer: zerosInitializer });
  expect([...zero.namedParameters().keys()]).toEqual(["weight", "bias"]);
  expect([...(await zero.forward(x).data())]).toEqual([0, 0, 0, 0]);
  expect(() => new Conv2d(device, { ...options, kernelSize: 0 })).toThrow(
    "Conv2d test: kernelSize is 0; expected a whole number ≥ 1.",
  );
});
