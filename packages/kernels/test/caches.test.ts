import { cpuInfo, createDevice } from "@splitmask/kernels";

test("cpuInfo has the caches of a core, in whole bytes", () => {
  const { first, second, last } = cpuInfo().caches;
  for (const bytes of [first, second, last]) expect(Number.isSafeInteger(bytes)).toBe(true);
  expect(first).toBeGreaterThanOrEqual(4 << 10);
  expect(first).toBeLessThanOrEqual(1 << 20);
  expect(second).toBeGreaterThan(first);
  expect(last).toBeGreaterThan(first);
});

test("products have the same bits for any caches", async () => {
  const [m, n, k] = [300, 100, 800];
  const values = Float32Array.from({ length: m * k }, (_, index) => Math.sin(index));
  const results: ArrayBuffer[] = [];
  for (const second of [1 << 14, 1 << 20, 1 << 23]) {
    const device = createDevice({ threads: 1, caches: { first: 1 << 14, second, last: 1 << 24 } });
    const [a, output] = [m * k, m * n].map((size) => ({ buffer: device.allocate(4 * size), byteOffset: 0 }));
    device.upload(a!, values);
    device.run("gemm", "float32", {
      ...{ output: output!, a: a!, b: a!, m, n, k, batch: 1, alpha: 1, beta: 0, activation: 0, precision: 0 },
      ...{ transposeA: 0, transposeB: 1, aLeading: k, bLeading: k, outputLeading: n },
      ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
    });
    results.push(await device.download(output!, 4 * m * n));
    device.close();
  }
  expect(results[0]).toEqual(results[1]);
  expect(results[2]).toEqual(results[1]);
});

test("sizes that are none are an error", () => {
  expect(() => createDevice({ caches: { first: 1, second: 0, last: 1 } })).toThrow(
    'createDevice: caches is {"first":1,"second":0,"last":1}; first, second and last must be whole numbers of bytes',
  );
});
