import { createDevice } from "@splitmask/kernels";
import { compareGradients, compareSteps, compareWords, readFixture, setUpFixedRun } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

test("the tokenizer gives the words of the fixture", async () => {
  await compareWords(await setUpFixedRun(device));
});

test("every named gradient of the first step is PyTorch's to 1e-4 (max|Δ| / max|reference| per tensor)", async () => {
  const found = await compareGradients(
    await setUpFixedRun(device),
    await readFixture("splitmask-gradients"),
    1e-4,
  );
  expect(found).toEqual({ ...found, within: true });
});

test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
  const found = await compareSteps(device, await setUpFixedRun(device), 1e-3);
  expect(found).toEqual({ ...found, within: true });
});
