import { type HostTensor, readSafetensors } from "@splitmask/autograd";
import { principalComponents } from "@splitmask/eval";
import { createDevice, type Device } from "@splitmask/kernels";
import ndarray from "ndarray";

let device: Device;
let expected: Map<string, HostTensor>;

beforeAll(async () => {
  device = createDevice({ threads: 1 });
  const fixture = new URL("fixtures/principalComponents.safetensors", import.meta.url).pathname;
  ({ tensors: expected } = await readSafetensors(fixture));
});
afterAll(() => device.close());

function features() {
  const { data, shape } = expected.get("features")!;
  return ndarray(data as Float32Array, [...shape]);
}

test("finds what PyTorch's SVD finds, but for the signs", async () => {
  const found = await principalComponents(device, features(), { components: 3 });
  expect(found.components.shape).toEqual([3, 12]);
  expect(found.projections.shape).toEqual([60, 3]);
  const [components, projections, explained] = ["components", "projections", "explained"].map(
    (name) => expected.get(name)!.data as Float32Array,
  ) as [Float32Array, Float32Array, Float32Array];
  for (let component = 0; component < 3; component++) {
    expect(found.explained[component]).toBeCloseTo(explained[component]!, 5);
    const row = Array.from({ length: 12 }, (_, column) => found.components.get(component, column));
    const wanted = components.subarray(component * 12, (component + 1) * 12);
    const sign = Math.sign(row.reduce((sum, value, column) => sum + value * wanted[column]!, 0));
    for (const [column, value] of row.entries()) expect(sign * value).toBeCloseTo(wanted[column]!, 4);
    for (let picture = 0; picture < 60; picture++) {
      const place = sign * found.projections.get(picture, component);
      expect(place).toBeCloseTo(projections[picture * 3 + component]!, 3);
    }
  }
});

test("two components when nothing is said; features that are all the same lie in one point", async () => {
  const same = ndarray(new Float32Array(8 * 4).fill(0.5), [8, 4]);
  const { projections, explained } = await principalComponents(device, same);
  expect(projections.shape).toEqual([8, 2]);
  expect([...projections.data, ...explained].every((value) => value === 0)).toBe(true);
});

test("errors", async () => {
  await expect(principalComponents(device, features(), { components: 13 })).rejects.toThrow(
    "principalComponents: components is 13 and features is 60×12; components must be a whole number from 1 to 12.",
  );
  await expect(principalComponents(device, ndarray(new Float32Array(0), [0, 4]))).rejects.toThrow(
    "principalComponents: features has no rows; expected at least one picture.",
  );
});
