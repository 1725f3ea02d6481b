import { availableWasmSets, type Backend, createDevice, type Device, kernelTable } from "@splitmask/kernels";
import { wasmBackend } from "../dist/backends/wasm/wasmBackend.js";
import { WasmDevice } from "../dist/backends/wasm/wasmDevice.js";
import { wasmModule } from "../dist/backends/wasm/wasmModules.js";
import { runProgram } from "./runProgram.js";

/** On a machine without Zig the module is not built; what needs it is then no test of this machine. */
const isBuilt = availableWasmSets().length > 0;

/** An addon that cannot be loaded, as on a machine that none fits. */
const withoutAddon = 'process.dlopen = () => { throw new Error("wrong ELF class"); };';

const megabytes = 1 << 20;

function enqueueWork(device: Device, fills: number) {
  const output = { buffer: device.allocate(64 * megabytes), byteOffset: 0 };
  for (let i = 0; i < fills; i += 1) {
    device.run("fill", "float32", { output, size: 16 * megabytes, value: i });
  }
  return output;
}

test("cannot be asked for an instruction set of CPUs", () => {
  expect(() => createDevice({ backend: "wasm", instructionSet: "avx2" })).toThrow(/"avx2"|has no splitmask/);
});

if (isBuilt) {
  describe("a device in WebAssembly", () => {
    test("says what it is, and has every kernel of the table", () => {
      const device = createDevice({ backend: "wasm", threads: 2 });
      expect(device).toMatchObject({ backend: "wasm", threads: 2, implementation: "fast" });
      expect(availableWasmSets()).toContain(device.instructionSet);
      expect(wasmBackend.kernels().map(({ name }) => name)).toEqual(Object.keys(kernelTable));
      device.close();
    });

    test("computes the same without threads, where memory cannot be shared", async () => {
      const alone: Backend = {
        ...wasmBackend,
        open: ({ caches }) => ({
          instructionSet: "simd128",
          threads: 1,
          device: new WasmDevice(wasmModule("simd128"), 0, true, caches ?? { first: 1, second: 1, last: 1 }),
        }),
      };
      const results: Float32Array[] = [];
      for (const backend of [alone, "wasm"] as const) {
        const device = createDevice({ backend, threads: 3, instructionSet: "simd128" });
        expect(device.threads).toBe(backend === "wasm" ? 3 : 1);
        const [rows, columns] = [300, 200];
        const [input, sums] = [rows * columns, columns].map((size) => ({
          buffer: device.allocate(4 * size),
          byteOffset: 0,
        }));
        device.upload(
          input!,
          Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
        );
        device.run("dotColumns", "float32", { output: sums!, a: input!, b: input!, rows, columns });
        results.push(new Float32Array(await device.download(sums!, 4 * columns)));
        await expect(device.synchronize()).resolves.toBeUndefined();
        device.close();
      }
      expect(results[0]!.every((sum) => sum > 100)).toBe(true);
      expect(results[1]).toEqual(results[0]);
    });

    test("several do not mix, and close rejects what is awaited", async () => {
      const devices = [1, 2].map((threads) => createDevice({ backend: "wasm", threads }));
      const outputs = devices.map((device, index) => {
        const output = { buffer: device.allocate(4000), byteOffset: 0 };
        device.run("fill", "float32", { output, size: 1000, value: index });
        return output;
      });
      for (const [index, device] of devices.entries()) {
        expect(new Float32Array(await device.download(outputs[index]!, 4000))).toEqual(
          new Float32Array(1000).fill(index),
        );
        const awaited = device.download(enqueueWork(device, 1000), 4);
        device.close();
        await expect(awaited).rejects.toThrow("the device was closed before its queue came to this await");
        expect(() => device.allocate(4)).toThrow("the device is closed");
      }
    });

    test("more than 4 GiB are an error that says how much is live", () => {
      const device = createDevice({ backend: "wasm", threads: 1 });
      device.allocate(100);
      expect(() => device.allocate(2 ** 32 - megabytes)).toThrow(
        /at most 4 GiB, has no room left for a buffer of 4293918720 bytes \(128 bytes are live\)/,
      );
      expect(() => device.mapFile("package.json", 10)).toThrow("bytes; expected 10.");
      device.close();
    });

    test("a process ends when its device is idle, and not before what is awaited has come", () => {
      const idle = `
        const device = createDevice({ backend: "wasm", threads: 2 });
        const output = { buffer: device.allocate(64 << 20), byteOffset: 0 };
        for (let i = 0; i < 20; i += 1) device.run("fill", "float32", { output, size: 16 << 20, value: i });
        console.log("queued");`;
      expect(runProgram(idle)).toMatchObject({ status: 0, stdout: "queued\n", stderr: "" });
      const awaited = `${idle}
        device.download(output, 4).then((bytes) => console.log(new Float32Array(bytes)[0]));`;
      expect(runProgram(awaited)).toMatchObject({ status: 0, stdout: "queued\n19\n", stderr: "" });
    });

    test("takes over where no addon fits, and the device tells", () => {
      const program = `${withoutAddon}
        const device = createDevice({ threads: 2 });
        console.log(device.backend, device.threads);
        try { createDevice({ backend: "native" }); } catch (error) { console.log(error.message); }`;
      const { stdout, stderr } = runProgram(program);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^wasm 2\n@splitmask\/kernels has no native addon for /);
    });

    test("threads end when devices were dropped and collected", () => {
      const program = `
        import { readdirSync } from "node:fs";
        import { setFlagsFromString } from "node:v8";
        import { runInNewContext } from "node:vm";
        setFlagsFromString("--expose-gc");
        const collect = runInNewContext("gc");
        const threads = () => readdirSync("/proc/self/task").length;
        const before = threads();
        for (let i = 0; i < 5; i += 1) createDevice({ backend: "wasm", threads: 3 });
        const most = threads();
        while (threads() > before + 3) {
          collect();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        console.log(most >= before + 15);`;
      if (process.platform === "linux") {
        expect(runProgram(program)).toMatchObject({ status: 0, stdout: "true\n", stderr: "" });
      }
    });
  });
}
