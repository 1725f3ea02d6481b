import { availableWasmSets, createDevice, type Device } from "@splitmask/kernels";
import { expectGradients } from "./expectGradients.js";
import { compareSteps, compareWords, readFixture, setUpFixedRun } from "./fixedRun.js";

const backends = ["native", ...(availableWasmSets().length > 0 ? (["wasm"] as const) : [])] as const;

describe.each(backends)("on the %s backend", (backend) => {
  let device: Device;
  beforeAll(() => {
    device = createDevice({ backend, threads: 2 });
  });
  afterAll(() => device.close());

  test("the tokenizer gives the words of the fixture", async () => {
    await compareWords(await setUpFixedRun(device));
  });

  test("every named gradient of the first step is PyTorch's to 1e-4 (max|Δ| / max|reference| per tensor)", async () => {
    const { task, batch } = await setUpFixedRun(device);
    task.loss(batch(0), { training: true, seed: 0, step: 0 }).total.backward();
    await expectGradients(task.model, await readFixture("splitmask-gradients"), "gradient.", 1e-4);
  });

  test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
    const found = await compareSteps(device, await setUpFixedRun(device), 1e-3);
    expect(found).toEqual({ ...found, within: true });
  });
});
