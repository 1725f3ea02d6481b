import { anyElementTypes, type BufferArgument, createDevice, type Device } from "@splitmask/kernels";

function floatsIn(device: Device, values: readonly number[]): BufferArgument {
  const argument = { buffer: device.allocate(4 * values.length), byteOffset: 0 };
  device.upload(argument, Float32Array.from(values));
  return argument;
}

const space = (device: Device, bytes: number): BufferArgument => ({
  buffer: device.allocate(bytes),
  byteOffset: 0,
});

async function floats(device: Device, argument: BufferArgument, count: number): Promise<number[]> {
  return [...new Float32Array(await device.download(argument, 4 * count))];
}

let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 2 });
});
afterEach(() => device.close());

describe("the queue", () => {
  test("runs kernels in order", async () => {
    const a = space(device, 400);
    const b = space(device, 400);
    for (let value = 0; value <= 20; value += 1) {
      device.run("fill", "float32", { output: a, size: 100, value });
      device.run("copyBytes", "float32", { output: b, input: a, bytes: 400 });
      device.run("fill", "float32", { output: a, size: 50, value: -1 });
    }
    expect(await floats(device, b, 100)).toEqual(Array(100).fill(20));
    expect(await floats(device, a, 100)).toEqual([...Array(50).fill(-1), ...Array(50).fill(20)]);
  });

  test("takes more kernels than its bound without an await", async () => {
    const a = space(device, 4);
    for (let value = 0; value <= 150_000; value += 1) {
      device.run("fill", "float32", { output: a, size: 1, value });
    }
    expect(await floats(device, a, 1)).toEqual([150_000]);
  });

  test("bounds the host memory of uploads that wait", async () => {
    const a = space(device, 64 << 20);
    const host = new Uint8Array(64 << 20);
    const before = process.memoryUsage().rss;
    let most = 0;
    for (let i = 0; i < 15; i += 1) {
      for (let j = 0; j < 3; j += 1) device.run("fill", "float32", { output: a, size: 16 << 20, value: j });
      device.upload(a, host);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    await device.synchronize();
    expect(most).toBeLessThan(740 << 20); // 15 uploads and the buffer would be 1,024 MiB
  });

  test("runs float64 through the naive kernels", async () => {
    const a = space(device, 24);
    device.run("fill", "float64", { output: a, size: 3, value: Math.PI });
    expect(new Float64Array(await device.download(a, 24))).toEqual(new Float64Array(3).fill(Math.PI));
  });

  test("reads an argument at its byteOffset", async () => {
    const a = floatsIn(device, [1, 2, 3, 4]);
    device.run("fill", "float32", { output: { buffer: a.buffer, byteOffset: 8 }, size: 1, value: 9 });
    expect(await floats(device, a, 4)).toEqual([1, 2, 9, 4]);
  });

  test("runs kernels with a list of items", async () => {
    const gradients = [floatsIn(device, [3]), floatsIn(device, [0, 4])];
    const output = space(device, 8);
    device.run("gradientNorm", "float32", {
      output,
      maximum: 1,
      each: gradients.map((gradient, index) => ({ gradient, size: index + 1 })),
    });
    const [norm, scale] = await floats(device, output, 2);
    expect(norm).toBeCloseTo(5, 5);
    expect(scale).toBeCloseTo(0.2, 5);
  });

  test("a list longer than its first array of words", async () => {
    const gradient = floatsIn(device, [2]);
    const output = space(device, 8);
    device.run("gradientNorm", "float32", {
      output,
      maximum: 0,
      each: Array.from({ length: 2500 }, () => ({ gradient, size: 1 })),
    });
    expect(await floats(device, output, 2)).toEqual([100, 1]);
  });
});

describe("upload and download", () => {
  test("upload copies at once, whether the queue is idle or busy", async () => {
    const source = Float32Array.of(1, 2, 3);
    const idle = space(device, 12);
    device.upload(idle, source);
    const busy = space(device, 12);
    const large = space(device, 32 << 20);
    for (let i = 0; i < 4; i += 1) device.run("fill", "float32", { output: large, size: 8 << 20, value: i });
    device.upload(busy, source);
    source.fill(0);
    expect(await floats(device, idle, 3)).toEqual([1, 2, 3]);
    expect(await floats(device, busy, 3)).toEqual([1, 2, 3]);
  });

  test("upload does not overtake kernels that are queued", async () => {
    const a = space(device, 4 << 20);
    device.run("fill", "float32", { output: a, size: 1 << 20, value: 7 });
    device.upload(a, Float32Array.of(5));
    expect(await floats(device, a, 2)).toEqual([5, 7]);
  });

  test("upload without a copy reads when the queue comes to it", async () => {
    const a = space(device, 12);
    device.upload(a, Float32Array.of(9, 1, 2, 3).subarray(1), { copy: false });
    expect(await floats(device, a, 3)).toEqual([1, 2, 3]);
  });

  test("takes any view, also of a SharedArrayBuffer", async () => {
    const a = space(device, 8);
    device.upload(a, new DataView(Float32Array.of(1, 2, 3).buffer, 4));
    expect(await floats(device, a, 2)).toEqual([2, 3]);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([4, 5]);
    device.upload(a, shared);
    expect(await floats(device, a, 2)).toEqual([4, 5]);
  });

  test("nothing at all", async () => {
    const a = space(device, 0);
    device.upload(a, new Float32Array(0));
    device.run("fill", "float32", { output: a, size: 0, value: 1 });
    expect((await device.download(a, 0)).byteLength).toBe(0);
  });

  test("say what does not fit", () => {
    const a = space(device, 8);
    expect(() => device.upload(a, new Float32Array(3))).toThrow(
      "upload: 12 bytes from byte 0 on do not fit a buffer of 8 bytes.",
    );
    expect(() => device.download({ buffer: a.buffer, byteOffset: 4 }, 8)).toThrow(
      "download: 8 bytes from byte 4 on do not fit a buffer of 8 bytes.",
    );
    expect(() => device.download(a, NaN)).toThrow("download: NaN bytes");
  });
});

describe("errors", () => {
  test("of a kernel reject the next await with its name, and only that one", async () => {
    const output = space(device, 8);
    const input = floatsIn(device, [1, 2, 3]);
    const indices = space(device, 8);
    device.upload(indices, Int32Array.of(1, 3));
    const numbers = { batch: 1, inputTokens: 3, outputTokens: 2, width: 1, inputBatchStride: 3 };
    device.run("gatherTokens", "float32", { output, input, indices, ...numbers });
    const other = space(device, 4);
    device.run("fill", "float32", { output: other, size: 1, value: 6 });
    await expect(device.synchronize()).rejects.toThrow(/^gatherTokens: .*3/);
    await device.synchronize();
    expect(await floats(device, other, 1)).toEqual([6]);
  });

  test("checkFinite names the first kernel that made a NaN", async () => {
    const checked = createDevice({ checkFinite: true });
    const a = floatsIn(checked, [1, -1, 2]);
    const output = space(checked, 12);
    checked.run("unary", "float32", { output, input: a, operation: 0, size: 3 });
    await checked.synchronize();
    checked.run("unary", "float32", { output, input: a, operation: 2, size: 3 });
    checked.run("affine", "float32", { output, input: output, size: 3, scale: 1, offset: 0 });
    await expect(checked.download(output, 12)).rejects.toThrow(
      "unary: output 0 has a value that is not finite at element 1 (checkFinite is on)",
    );
    await checked.synchronize();
    checked.close();
  });

  test("checkFinite looks at bfloat16 numbers", async () => {
    const checked = createDevice({ checkFinite: true });
    const input = floatsIn(checked, [1, 3.4e38, 2]);
    const output = space(checked, 6);
    const numbers = { size: 3, inputType: anyElementTypes.dtype, outputType: anyElementTypes.bfloat16 };
    checked.run("cast", "float32", { output, input, ...numbers });
    await expect(checked.synchronize()).rejects.toThrow(
      "cast: output 0 has a value that is not finite at element 1",
    );
    checked.close();
  });

  test("checkFinite may be switched on and off between kernels", async () => {
    const switched = createDevice();
    const input = floatsIn(switched, [-1]);
    const output = space(switched, 4);
    const makeNaN = () => switched.run("unary", "float32", { output, input, operation: 2, size: 1 });
    makeNaN();
    switched.checkFinite = true;
    await switched.synchronize();
    makeNaN();
    switched.checkFinite = false;
    makeNaN();
    await expect(switched.synchronize()).rejects.toThrow("unary: output 0 has a value that is not finite");
    makeNaN();
    await switched.synchronize();
    switched.close();
  });

  test("checkFinite looks only at what a kernel writes", async () => {
    const checked = createDevice({ checkFinite: true });
    const output = floatsIn(checked, [NaN, NaN, NaN, NaN, NaN, NaN]);
    const input = floatsIn(checked, [1, 2]);
    const numbers = { outer: 2, inner: 1, outputStride: 3, outputOffset: 1, inputStride: 1, inputOffset: 0 };
    checked.run("copyBlocks", "float32", { output, input, ...numbers });
    expect(await floats(checked, output, 6)).toEqual([NaN, 1, NaN, NaN, 2, NaN]);
    const wrong = floatsIn(checked, [NaN, 2]);
    checked.run("copyBlocks", "float32", { output, input: wrong, ...numbers, outputOffset: 0 });
    await expect(checked.synchronize()).rejects.toThrow(
      "copyBlocks: output 0 has a value that is not finite at element 0",
    );
    checked.close();
  });

  test("of arguments are thrown at once", () => {
    const output = space(device, 16);
    const call = (args: unknown, dtype = "float32") =>
      device.run("fill", dtype as "float32", args as { output: BufferArgument; size: number; value: number });
    expect(() => call({ output, size: 4 })).toThrow("fill: value is undefined; it must be a number.");
    expect(() => call({ output, size: 4, value: "1" })).toThrow(
      'fill: value is "1" (string); it must be a number.',
    );
    expect(() => call({ size: 4, value: 1 })).toThrow(
      "fill: buffer output is undefined; the kernel needs it.",
    );
    expect(() => call({ output: output.buffer, size: 4, value: 1 })).toThrow(
      "fill: buffer output is an object (DeviceBuffer); " +
        "it must be { buffer: DeviceBuffer, byteOffset: number }, e.g. a Tensor.",
    );
    expect(() => call({ output, size: 5, value: 1 })).toThrow(
      "fill: output needs 5 float32 elements (20 bytes) from byteOffset 0 on, but its buffer has 16 bytes.",
    );
    expect(() => call({ output, size: 3, value: 1 }, "float64")).toThrow(
      "output needs 3 float64 elements (24 bytes)",
    );
    expect(() => call({ output, size: NaN, value: 1 })).toThrow(
      "fill: output would have NaN elements (size NaN, value 1); sizes must be whole numbers, 0 or more.",
    );
    expect(() => call({ output, size: -1, value: 1 })).toThrow("fill: output would have -1 elements");
    expect(() => call({ output: { buffer: output.buffer, byteOffset: -4 }, size: 1, value: 1 })).toThrow(
      "from byteOffset -4 on",
    );
    expect(() => call({ output, size: 4, value: 1 }, "int32")).toThrow(
      'fill: dtype is "int32" (string); kernels run in "float32" or "float64".',
    );
    expect(() => device.run("filll" as "fill", "float32", { output, size: 4, value: 1 })).toThrow(
      'run: there is no kernel "filll" in kernelTable.',
    );
    expect(() => device.run("gradientNorm", "float32", { output, maximum: 1, each: null as never })).toThrow(
      "gradientNorm: each is null; it must be a list of items.",
    );
    expect(() =>
      device.run("gradientNorm", "float32", { output, maximum: 1, each: [{ gradient: output, size: 5 }] }),
    ).toThrow("gradientNorm: gradient of item 0 needs 5 float32 elements");
  });

  test("of buffers that were released or belong elsewhere", () => {
    const output = space(device, 16);
    output.buffer.release();
    expect(() => device.run("fill", "float32", { output, size: 4, value: 1 })).toThrow(
      "fill: the buffer of output was released.",
    );
    expect(() => device.download(output, 4)).toThrow("download: the buffer of the source was released.");
    expect(() => device.upload(output, new Float32Array(1))).toThrow(
      "upload: the buffer of the destination was released.",
    );
    const other = createDevice({ threads: 1 });
    expect(() => device.run("fill", "float32", { output: space(other, 4), size: 1, value: 1 })).toThrow(
      "fill: the buffer of output belongs to another device; download it there and upload it here.",
    );
    other.close();
  });

  test("of createDevice say what it takes", () => {
    expect(() => createDevice({ threads: 0 })).toThrow(
      "createDevice: threads is 0; it must be a whole number from 1 to 256.",
    );
    expect(() => createDevice({ threads: 1.5 })).toThrow(RangeError);
    expect(() => createDevice({ implementation: "quick" as "fast" })).toThrow(
      'createDevice: implementation is "quick"; it must be "fast" or "naive".',
    );
  });
});
