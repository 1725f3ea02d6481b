import { checkpoint, normal, sum, type Tensor, tensor } from "@splitmask/autograd";
import { checkGradient } from "@splitmask/autograd/testing";
import { rmsNorm } from "@splitmask/example-own-operation";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const random = (purpose: string, shape: number[], dtype: "float32" | "float64") => {
  const x = normal(device, shape, { key: { seed: 1, purpose }, dtype });
  x.requiresGrad = true;
  return x;
};

test("a row comes out with the root mean square 1, times the weight", async () => {
  const x = tensor(device, [[3, 4]]);
  const y = await rmsNorm(x, tensor(device, [1, 2])).data();
  expect(y[0]).toBeCloseTo(3 / Math.sqrt(12.5), 6);
  expect(y[1]).toBeCloseTo(8 / Math.sqrt(12.5), 6);
});

test("its gradients are those of difference quotients", () =>
  checkGradient(device, ({ x, weight }) => rmsNorm(x, weight), {
    x: random("x", [2, 3, 5], "float64"),
    weight: random("weight", [5], "float64"),
  }));

test("behind a checkpoint they have the same bits", async () => {
  const gradients = async (compute: (x: Tensor, weight: Tensor) => Tensor) => {
    const [x, weight] = [random("x", [4, 5], "float32"), random("weight", [5], "float32")];
    sum(compute(x, weight)).backward();
    return [await x.grad!.data(), await weight.grad!.data()];
  };
  expect(await gradients((x, weight) => checkpoint((given) => rmsNorm(given, weight), x, [weight]))).toEqual(
    await gradients(rmsNorm),
  );
});

test("says which shape a weight should have", () => {
  expect(() => rmsNorm(tensor(device, [[3, 4]]), tensor(device, [1, 2, 3]))).toThrow(
    "rmsNorm: weight is 3; expected 2, the last axis of x.",
  );
});
