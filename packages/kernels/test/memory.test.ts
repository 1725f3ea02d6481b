import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createDevice, type Device } from "@splitmask/kernels";
import { runProgram } from "./runProgram.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const turn = () => new Promise((resolve) => setImmediate(resolve));

let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 1 });
});
afterEach(() => device.close());

describe("references", () => {
  test("count, and the last one gives the block back", () => {
    const buffer = device.allocate(1000);
    expect(buffer).toMatchObject({ bytes: 1000, references: 1, released: false });
    expect(buffer.retain()).toBe(buffer);
    buffer.release();
    expect(buffer.references).toBe(1);
    expect(device.memory()).toMatchObject({ liveBuffers: 1, liveBytes: 1024, cachedBytes: 0 });
    buffer.release();
    expect(buffer.released).toBe(true);
    expect(device.memory()).toMatchObject({
      liveBuffers: 0,
      liveBytes: 0,
      peakLiveBytes: 1024,
      cachedBytes: 1024,
    });
    expect(() => buffer.release()).toThrow("release: the buffer of 1000 bytes was released");
    expect(() => buffer.retain()).toThrow("retain: the buffer of 1000 bytes was released");
  });

  test("dispose gives up the first one, once, and leaves what others retain", () => {
    const buffer = device.allocate(10).retain();
    buffer.dispose();
    buffer.dispose();
    expect(buffer.references).toBe(1);
    buffer.release();
    expect(buffer.released).toBe(true);
  });

  test("a freed block is handed out again at once, and what was queued for it still runs first", async () => {
    const result = device.allocate(1 << 22);
    const first = device.allocate(1 << 22);
    const size = 1 << 20;
    device.run("fill", "float32", { output: { buffer: first, byteOffset: 0 }, size, value: 3 });
    device.run("copyBytes", "float32", {
      output: { buffer: result, byteOffset: 0 },
      input: { buffer: first, byteOffset: 0 },
      bytes: 1 << 22,
    });
    const { cachedBytes } = device.memory();
    first.release();
    const second = device.allocate(1 << 22);
    expect(device.memory()).toMatchObject({ liveBytes: 1 << 23, cachedBytes, liveBuffers: 2 });
    device.run("fill", "float32", { output: { buffer: second, byteOffset: 0 }, size, value: 4 });
    const values = new Float32Array(await device.download({ buffer: result, byteOffset: 0 }, 1 << 22));
    expect(values.every((value) => value === 3)).toBe(true);
  });

  test("allocate says what it takes", () => {
    for (const bytes of [-1, 1.5, NaN, Infinity]) {
      expect(() => device.allocate(bytes)).toThrow(
        `allocate: bytes is ${bytes}; it must be a whole number of bytes, 0 or more.`,
      );
    }
    expect(() => device.allocate(2 ** 50)).toThrow(
      "the system has no memory left for a buffer of 1125899906842624 bytes",
    );
  });
});

describe("the pool", () => {
  test("serves large sizes from what others gave back side by side", () => {
    const parts = [3, 5, 9, 2].map((size) => device.allocate(size << 20));
    const wall = device.allocate(1 << 20);
    const before = device.memory();
    for (const index of [1, 3, 0, 2]) parts[index]!.release();
    expect(device.memory().cachedBytes - before.cachedBytes).toBe(19 << 20);
    // Only the four parts together are as large, unless the rest of the segment is.
    const rest = device.allocate((64 - 20) << 20);
    const whole = device.allocate(19 << 20);
    expect(device.memory().cachedBytes).toBe(0);
    for (const buffer of [whole, wall, rest]) buffer.release();
    expect(device.memory().cachedBytes).toBe(64 << 20);
  });

  test("serves a size with at most an eighth more", () => {
    for (const bytes of [1, 64, 65, 512, 513, 1000, 4097, 1 << 20, (1 << 20) + 1, 12_345_678]) {
      const before = device.memory().liveBytes;
      const buffer = device.allocate(bytes);
      const block = device.memory().liveBytes - before;
      expect(block).toBeGreaterThanOrEqual(bytes);
      expect(block).toBeLessThanOrEqual(Math.max(bytes + 63, bytes * 1.125));
      buffer.release();
    }
  });

  test("releaseCache gives back what is kept, after the queue has passed it", async () => {
    const buffer = device.allocate(64 << 20);
    device.run("fill", "float32", { output: { buffer, byteOffset: 0 }, size: 16 << 20, value: 1 });
    buffer.release();
    const before = process.memoryUsage().rss;
    device.releaseCache();
    await device.synchronize();
    expect(device.memory().cachedBytes).toBe(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20);
  });

  test("does not keep more than was ever live when the sizes change all the time", () => {
    for (let size = 1; size <= 400; size += 1) device.allocate(size * 100_003).release();
    const { cachedBytes, peakLiveBytes } = device.memory();
    expect(cachedBytes).toBeLessThanOrEqual(Math.max(2 * peakLiveBytes, 64 << 20));
  });
});

describe("buffers that are dropped", () => {
  test("come back when they are collected", async () => {
    const drop = () => {
      for (let i = 0; i < 50; i += 1) device.allocate(1000);
    };
    drop();
    expect(device.memory().liveBuffers).toBe(50);
    // One turn of the event loop finalizes one registry, and every device of the tests before has one.
    for (let turns = 0; device.memory().liveBuffers > 0 && turns < 2000; turns += 1) {
      collectGarbage();
      await turn();
    }
    expect(device.memory().liveBuffers).toBe(0);
  });

  test("keep the memory flat over thousands of steps, without a scope and without calling the collector", () => {
    const { stdout, stderr } = runProgram(`
      const device = createDevice({ threads: 1 });
      const space = () => ({ buffer: device.allocate(1 << 20), byteOffset: 0 });
      let most = 0;
      for (let step = 0; step < 3000; step += 1) {
        const a = space();
        const b = space();
        device.run("fill", "float32", { output: a, size: 100, value: step });
        device.run("copyBytes", "float32", { output: b, input: a, bytes: 400 });
        if (step % 10 === 9 && new Float32Array(await device.download(b, 4))[0] !== step) throw new Error("wrong");
        most = Math.max(most, device.memory().liveBytes);
      }
      console.log(most >> 20);`);
    expect(stderr).toBe("");
    expect(Number(stdout)).toBeLessThan(700); // all of them are 6,000 MiB
  });
});
