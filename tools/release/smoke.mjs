// What a binary has to do on the machine that it was built for, in a second: run by checkBinaries.mjs, with the
// environment variable SPLITMASK_KERNELS_BINARY, under that machine's Node.js. Prints the CPU as the addon sees it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import {
  availableInstructionSets,
  checksum,
  cpuInfo,
  createDevice,
} from "../../packages/kernels/dist/index.js";

const [m, n, k] = [75, 61, 150];
const numbers = (count) => Float32Array.from({ length: count }, (_, index) => Math.sin(index * 0.37) * 2);

/** A product of matrices. */
async function product(options) {
  const device = createDevice(options);
  const place = (elements) => ({ buffer: device.allocate(elements * 4), byteOffset: 0 });
  const [output, a, b] = [place(m * n), place(m * k), place(k * n)];
  device.upload(a, numbers(m * k));
  device.upload(b, numbers(k * n));
  device.run("gemm", "float32", {
    ...{ output, a, b, rowMean: null, bias: null, columnBias: null, residual: null },
    ...{ m, n, k, batch: 1, transposeA: 0, transposeB: 0, activation: 0, precision: 0, alpha: 1, beta: 0 },
    ...{ aLeading: k, bLeading: n, outputLeading: n, aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
  });
  const result = new Float32Array(await device.download(output, m * n * 4));
  device.close();
  return result;
}

async function checkProducts() {
  const naive = await product({ threads: 1, implementation: "naive" });
  for (const instructionSet of availableInstructionSets()) {
    const [alone, shared] = [
      await product({ threads: 1, instructionSet }),
      await product({ threads: 3, instructionSet }),
    ];
    assert.deepEqual(shared, alone, `${instructionSet}: the same bits with 1 and 3 threads`);
    alone.forEach((value, index) => {
      assert.ok(Math.abs(value - naive[index]) < 1e-3, `${instructionSet}: ${value} for ${naive[index]}`);
    });
  }
}

/** A mapped file with a name beyond ASCII, whose path is longer than Windows' 260 characters; errors that cross C++. */
async function checkFiles(device) {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-größe-文件-"));
  try {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) % 251);
    const path = join(folder, `${"d".repeat(120)}.bin`);
    writeFileSync(path, bytes);
    const file = device.mapFile(path, bytes.length);
    assert.deepEqual(
      new Uint8Array(await device.download({ buffer: file, byteOffset: 70_001 }, 50)),
      bytes.slice(70_001, 70_051),
    );
    device.prefetch({ buffer: file, byteOffset: 0 }, bytes.length);
    assert.equal(await device.checksum({ buffer: file, byteOffset: 0 }, bytes.length), checksum(bytes));
    assert.throws(() => device.mapFile(path, 5), /it has 100000 bytes; expected 5/);
    assert.throws(() => device.mapFile(join(folder, "none"), 5), /it cannot be opened \(.+\)/);
    assert.throws(() => device.mapFile(folder, 5), /cannot be mapped/);
    file.dispose();
    await device.synchronize();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkDevice() {
  const device = createDevice({ threads: 2 });
  const large = { buffer: device.allocate(100 << 20), byteOffset: (100 << 20) - 8 };
  device.run("fill", "float32", { output: large, size: 2, value: 3 });
  assert.deepEqual([...new Float32Array(await device.download(large, 8))], [3, 3]);
  large.buffer.dispose();
  device.releaseCache();
  await checkFiles(device);
  device.startProfile({ simulatedThreads: 4 });
  const output = { buffer: device.allocate(1 << 20), byteOffset: 0 };
  device.run("fill", "float32", { output, size: 1 << 18, value: 1 });
  const { calls } = await device.stopProfile();
  assert.equal(calls.filter(({ kernel }) => kernel === "fill").length, 1);
  device.close();
}

/** A thread of JavaScript has a device of its own, and may end with work in its queue. */
async function checkWorker() {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const status = await new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", resolve);
  });
  assert.equal(status, 0);
}

if (isMainThread) {
  await checkProducts();
  await checkDevice();
  await checkWorker();
  console.log(JSON.stringify({ node: process.version, platform: process.platform, ...cpuInfo() }));
} else {
  const device = createDevice({ threads: 2 });
  const output = { buffer: device.allocate(64 << 20), byteOffset: 0 };
  for (let round = 0; round < 20; round++)
    device.run("fill", "float32", { output, size: 1 << 24, value: round });
}
