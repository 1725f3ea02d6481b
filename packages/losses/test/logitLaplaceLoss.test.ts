import { normal, zeros } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { logitLaplaceLoss } from "@splitmask/losses";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

test("agrees with PyTorch's Laplace distribution behind a sigmoid, with both gradients", async () => {
  const fixture = await ModelFixture.read(new URL("fixtures/losses.safetensors", import.meta.url));
  const [location, logScale, pixels] = ["location", "logScale", "pixels"].map((name) =>
    fixture.upload(device, `input.${name}`, true),
  );
  const loss = logitLaplaceLoss(location!, logScale!, pixels!);
  loss.backward();
  expect(await fixture.error(loss, "logitLaplace.loss")).toBeLessThan(1e-6);
  expect(await fixture.error(location!.grad, "logitLaplace.location")).toBeLessThan(1e-6);
  expect(await fixture.error(logScale!.grad, "logitLaplace.logScale")).toBeLessThan(1e-6);
  expect(pixels!.grad).toBeNull();
});

test("says what is wrong with its inputs", () => {
  const draw = (...shape: number[]) => normal(device, shape, { key: { seed: 1, purpose: "draw" } });
  expect(() => logitLaplaceLoss(draw(2, 3), draw(2, 3), draw(3, 2))).toThrow(
    "logitLaplaceLoss: location is 2×3, logScale is 2×3 and pixels are 3×2; expected three tensors of one shape",
  );
  expect(() => logitLaplaceLoss(zeros(device, [0]), zeros(device, [0]), zeros(device, [0]))).toThrow(
    "with at least one pixel",
  );
});
