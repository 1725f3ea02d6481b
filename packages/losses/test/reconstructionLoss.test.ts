import { affine, normal, tensor, zeros } from "@splitmask/autograd";
import { checkGradient, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { normalizedPatches, patchStatistics, reconstructionLoss } from "@splitmask/losses";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

test.each([true, false])("agrees with PyTorch with the gradient (normalize: %s)", async (normalize) => {
  const fixture = await ModelFixture.read(new URL("fixtures/losses.safetensors", import.meta.url));
  const predicted = fixture.upload(device, "input.predicted", true);
  const patches = fixture.upload(device, "input.patches", true);
  const loss = reconstructionLoss(predicted, patches, { normalize });
  loss.backward();
  const label = `reconstruction.${normalize ? "normalized" : "plain"}`;
  expect(await fixture.error(loss, `${label}.loss`)).toBeLessThan(1e-6);
  expect(await fixture.error(predicted.grad, `${label}.predicted`)).toBeLessThan(1e-6);
  expect(patches.grad).toBeNull();
});

test("its gradient is that of difference quotients in float64", async () => {
  const draw = (purpose: string, requiresGrad: boolean) => {
    const x = normal(device, [2, 3, 8], { key: { seed: 1, purpose }, dtype: "float64" });
    x.requiresGrad = requiresGrad;
    return x;
  };
  const patches = draw("patches", false);
  await checkGradient(device, ({ predicted }) => reconstructionLoss(predicted, patches), {
    predicted: draw("predicted", true),
  });
});

test("brightness and contrast of a patch do not matter, and statistics bring them back", async () => {
  const patches = normal(device, [4, 12], { key: { seed: 2, purpose: "patches" } });
  const predicted = normal(device, [4, 12], { key: { seed: 3, purpose: "predicted" } });
  const changed = affine(patches, 2.5, 0.3);
  const loss = await reconstructionLoss(predicted, patches).item();
  expect(await reconstructionLoss(predicted, changed).item()).toBeCloseTo(loss, 4);
  expect(await reconstructionLoss(predicted, changed, { normalize: false }).item()).not.toBeCloseTo(loss, 1);
  expect(await reconstructionLoss(zeros(device, [4, 12]), patches).item()).toBeCloseTo(11 / 12, 4);

  const normalized = await normalizedPatches(changed).data();
  const { deviation, mean } = patchStatistics(changed);
  const [deviations, means, pixels] = [await deviation.data(), await mean.data(), await changed.data()];
  expect(deviation.shape).toEqual([4, 1]);
  for (const [index, value] of normalized.entries()) {
    const row = Math.floor(index / 12);
    expect(Number(value) * Number(deviations[row]) + Number(means[row])).toBeCloseTo(
      Number(pixels[index]),
      5,
    );
  }
});

test("a patch of one color is predicted as 0", async () => {
  const flat = tensor(device, new Float32Array(12).fill(0.7), [1, 12]);
  expect(await reconstructionLoss(zeros(device, [1, 12]), flat).item()).toBeCloseTo(0, 6);
});

test("says what is wrong with its inputs", () => {
  const rows = (...shape: number[]) => zeros(device, shape);
  expect(() => reconstructionLoss(rows(2, 3, 12), rows(2, 4, 12))).toThrow(
    "reconstructionLoss: predicted is 2×3×12 and patches are 2×4×12; " +
      "expected two …×d tensors of the same shape, one row a hidden patch, and at least one row.",
  );
  expect(() => reconstructionLoss(rows(0, 12), rows(0, 12))).toThrow("and at least one row.");
  expect(() => reconstructionLoss(rows(3, 1), rows(3, 1))).toThrow(
    "patchStatistics: patches are 3×1; expected …×d with at least two numbers a patch. " +
      "Compare single numbers as they are: normalize: false.",
  );
});
