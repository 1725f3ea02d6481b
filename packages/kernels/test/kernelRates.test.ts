import { createDevice, type Device, estimateSeconds, measureRates, type Profile } from "@splitmask/kernels";

const rates = {
  products: 1e9,
  bfloat16Products: 4e9,
  attention: 5e8,
  bfloat16Attention: 8e8,
  bytes: 1e6,
  secondsPerCall: 1e-3,
};

/**
 * A product (2·8³ operations) and attention (2·2·4²·3 operations), each in both formats, an elementwise kernel and an
 * upload.
 */
async function work(device: Device): Promise<Profile> {
  const space = (elements: number) => ({ buffer: device.allocate(4 * elements), byteOffset: 0 });
  const output = space(200);
  device.startProfile();
  for (const precision of [0, 1]) {
    device.run("gemm", "float32", {
      ...{
        output,
        a: space(64),
        b: space(64),
        m: 8,
        n: 8,
        k: 8,
        batch: 1,
        alpha: 1,
        beta: 0,
        activation: 0,
        precision,
      },
      ...{ transposeA: 0, transposeB: 0, aLeading: 8, bLeading: 8, outputLeading: 8 },
      ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
    });
  }
  const attention = { batch: 1, tokens: 4, heads: 1, headWidth: 3, scale: 1 };
  for (const precision of [0, 1]) {
    device.run("attention", "float32", {
      output,
      logSumExp: space(4),
      qkv: space(36),
      precision,
      ...attention,
    });
  }
  device.run("fill", "float32", { output, size: 100, value: 1 });
  device.upload(output, new Float32Array(50));
  return device.stopProfile();
}

test("a profile takes its operations and bytes by the rates, and a little for each call", async () => {
  const seconds = 1024 / 1e9 + 1024 / 4e9 + 192 / 5e8 + 192 / 8e8 + 400 / 1e6 + 400 / 1e6 + 6e-3;
  for (const backend of ["native", "dry"] as const) {
    const device = createDevice({ backend, threads: 1 });
    expect(estimateSeconds(await work(device), rates)).toBeCloseTo(seconds, 12);
    device.close();
  }
});

test("rates are measured on a device that computes, and leave its memory as it was", async () => {
  const device = createDevice({ threads: 2 });
  const measured = await measureRates(device);
  expect(Object.keys(measured)).toEqual(Object.keys(rates));
  for (const rate of Object.values(measured)) {
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(1e15);
  }
  expect(device.memory().liveBuffers).toBe(0);
  device.close();
  const dry = createDevice({ backend: "dry" });
  await expect(measureRates(dry)).rejects.toThrow(
    "measureRates: the dry backend computes nothing; measure the device that will train.",
  );
});
