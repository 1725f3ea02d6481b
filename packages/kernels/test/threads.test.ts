import { Worker } from "node:worker_threads";
import { type BufferArgument, createDevice, type Device } from "@splitmask/kernels";
import { loopTurns } from "../../../scripts/jest/loopTurns.js";
import { entry, runProgram } from "./runProgram.js";

const megabytes = 1 << 20;

/** Work of about `seconds` on two threads: fills of 64 MiB. */
function enqueueWork(device: Device, output: BufferArgument, fills: number): void {
  for (let i = 0; i < fills; i += 1) {
    device.run("fill", "float32", { output, size: 16 * megabytes, value: i });
  }
}

/** Hours of work: a program that ends has not waited for it. */
const queueWork = `
const device = createDevice({ threads: 2 });
const output = { buffer: device.allocate(64), byteOffset: 0 };
for (let i = 0; i < 60000; i += 1) {
  device.run("multiplyAdds", "float32", { output, tasks: 16, steps: 1e6, scale: 0.5, offset: 0.5 });
}
`;

describe("the event loop", () => {
  test("is free while the device computes", async () => {
    const device = createDevice();
    const output = { buffer: device.allocate(64 * megabytes), byteOffset: 0 };
    enqueueWork(device, output, 1);
    await device.synchronize();
    enqueueWork(device, output, 100);
    const turns = await loopTurns(device.synchronize());
    expect(turns).toBeGreaterThan(100);
    device.close();
  });
});

describe("devices", () => {
  test("several in one process do not mix", async () => {
    const devices = [1, 2, 3].map((threads) => createDevice({ threads }));
    const results = devices.map((device, index) => {
      const output = { buffer: device.allocate(4 * 1000), byteOffset: 0 };
      for (let i = 0; i < 100; i += 1) {
        device.run("fill", "float32", { output, size: 1000, value: 100 * index + i });
      }
      return device.download(output, 4000);
    });
    for (const [index, result] of results.entries()) {
      expect(new Float32Array(await result)).toEqual(new Float32Array(1000).fill(100 * index + 99));
    }
    for (const device of devices) device.close();
  });

  test("close rejects what is awaited; later calls say that it is closed", async () => {
    const device = createDevice({ threads: 1 });
    const output = { buffer: device.allocate(64 * megabytes), byteOffset: 0 };
    enqueueWork(device, output, 2000);
    const awaited = device.download(output, 4);
    device.close();
    device.close();
    await expect(awaited).rejects.toThrow("the device was closed before its queue came to this await");
    const closed = "the device is closed: create another with createDevice()";
    expect(() => device.allocate(4)).toThrow(closed);
    expect(() => device.run("fill", "float32", { output, size: 1, value: 1 })).toThrow(closed);
    expect(() => device.synchronize()).toThrow(closed);
    expect(() => device.download(output, 4)).toThrow(closed);
    expect(() => device.upload(output, new Float32Array(1))).toThrow(closed);
    expect(() => device.memory()).not.toThrow();
    output.buffer.release();
  });

  test("live in worker threads, also when these are terminated with work queued", async () => {
    const code = `import { parentPort } from "node:worker_threads"; import { createDevice } from ${entry};\n`;
    const start = (body: string) =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(code + body)}`));
    const worker = start(`
      const device = createDevice({ threads: 2 });
      const output = { buffer: device.allocate(400), byteOffset: 0 };
      device.run("fill", "float32", { output, size: 100, value: 2.5 });
      parentPort.postMessage(new Float32Array(await device.download(output, 400)));`);
    const message = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect(message).toEqual(new Float32Array(100).fill(2.5));
    const busy = start(
      `${queueWork} parentPort.postMessage("queued"); device.synchronize(); setInterval(() => {}, 1000);`,
    );
    await new Promise((resolve, reject) => {
      busy.once("message", resolve);
      busy.once("error", reject);
    });
    expect(await busy.terminate()).toBe(1);
  });
});

test("a device that waits for JavaScript takes no CPU time", async () => {
  const device = createDevice({ threads: 4 });
  const output = { buffer: device.allocate(64 * megabytes), byteOffset: 0 };
  enqueueWork(device, output, 1);
  await device.synchronize();
  const [used, started] = [process.cpuUsage(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { user, system } = process.cpuUsage(used);
  // One thread that spins would take all of it; other programs can only make the time longer.
  expect((user + system) / 1000).toBeLessThan((performance.now() - started) / 2);
  device.close();
});

describe("the process ends", () => {
  test("by itself when a device is idle, and when nobody awaits what is queued", () => {
    expect(runProgram("createDevice(); console.log('end');")).toMatchObject({
      status: 0,
      stdout: "end\n",
      stderr: "",
    });
    const queued = runProgram(`${queueWork} console.log('end');`);
    expect(queued).toMatchObject({ status: 0, stdout: "end\n", stderr: "" });
  });

  test("not before what is awaited has come", () => {
    const program = `
      const device = createDevice({ threads: 2 });
      const output = { buffer: device.allocate(64 << 20), byteOffset: 0 };
      for (let i = 0; i < 20; i += 1) device.run("fill", "float32", { output, size: 16 << 20, value: i });
      device.download(output, 4).then((bytes) => console.log(new Float32Array(bytes)[0]));`;
    expect(runProgram(program)).toMatchObject({ status: 0, stdout: "19\n", stderr: "" });
  });

  test("on process.exit and on an uncaught error with work queued and awaited", () => {
    const exit = runProgram(`${queueWork} device.synchronize(); setTimeout(() => process.exit(3), 50);`);
    expect(exit).toMatchObject({ status: 3, stdout: "", stderr: "" });
    const thrown = runProgram(
      `${queueWork} device.synchronize(); setTimeout(() => { throw new Error("uncaught"); }, 50);`,
    );
    expect(thrown.status).toBe(1);
    expect(thrown.stderr).toContain("uncaught");
  });

  test("when devices were dropped and collected", () => {
    const program = `
      import { setFlagsFromString } from "node:v8";
      import { runInNewContext } from "node:vm";
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc");
      for (let i = 0; i < 20; i += 1) {
        const device = createDevice({ threads: 2 });
        device.allocate(1000);
        device.run("fill", "float32", { output: { buffer: device.allocate(400), byteOffset: 0 }, size: 100, value: 1 });
        collect();
        await new Promise((resolve) => setImmediate(resolve));
      }
      do {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 10));
      } while (readdirSync("/proc/self/task").length >= 30);
      console.log("threads ended");`;
    if (process.platform === "linux") {
      expect(runProgram(`import { readdirSync } from "node:fs";${program}`)).toMatchObject({
        status: 0,
        stdout: "threads ended\n",
        stderr: "",
      });
    }
  });
});
