import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { checksum, createDevice, type Device } from "@splitmask/kernels";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const turn = () => new Promise((resolve) => setImmediate(resolve));

let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 2 });
});
afterEach(() => device.close());

const folder = mkdtempSync(join(tmpdir(), "splitmask-mapped-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251);
const path = join(folder, "bytes.bin");
writeFileSync(path, bytes);

describe("a mapped file", () => {
  test("kernels read it in place; it is no memory of the pool", async () => {
    const file = device.mapFile(path, bytes.length);
    expect(file).toMatchObject({ bytes: 300_000, readOnly: true, references: 1 });
    expect(device.memory()).toMatchObject({ liveBytes: 0, liveBuffers: 0, mappedBytes: 300_000 });
    const output = { buffer: device.allocate(1000), byteOffset: 0 };
    const input = { buffer: file, byteOffset: 70_001 };
    device.run("copyBytes", "float32", { output, input, bytes: 1000 });
    expect(new Uint8Array(await device.download(output, 1000))).toEqual(bytes.subarray(70_001, 71_001));
    expect(new Uint8Array(await device.download(input, 10))).toEqual(bytes.subarray(70_001, 70_011));
  });

  test("the same pixels as from memory, through the picture kernel", async () => {
    const file = device.mapFile(path, bytes.length);
    const memory = device.allocate(bytes.length);
    device.upload({ buffer: memory, byteOffset: 0 }, bytes);
    const normalization = { buffer: device.allocate(6 * 8), byteOffset: 0 };
    device.upload(normalization, Float64Array.of(0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
    const cut = async (buffer: typeof file) => {
      const output = { buffer: device.allocate(3 * 32 * 32 * 4), byteOffset: 0 };
      device.run("augmentImages", "float32", {
        output,
        outputHeight: 32,
        outputWidth: 32,
        channels: 3,
        normalization,
        operations: null,
        operationRows: 0,
        each: [
          {
            picture: { buffer, byteOffset: 64 },
            height: 300,
            width: 310,
            cropY: 3,
            cropX: 5,
            cropHeight: 200,
            cropWidth: 190,
            filter: 0,
            confined: 0,
            horizontalFlip: 1,
            verticalFlip: 0,
            firstOperation: 0,
            operations: 0,
          },
        ],
      });
      return new Float32Array(await device.download(output, 3 * 32 * 32 * 4));
    };
    expect(await cut(file)).toEqual(await cut(memory));
  });

  test("stays mapped while queued kernels use it, also when it is released and deleted", async () => {
    const doomed = join(folder, "doomed.bin");
    writeFileSync(doomed, bytes);
    const file = device.mapFile(doomed, bytes.length);
    const slow = device.allocate(1 << 26);
    const output = { buffer: device.allocate(bytes.length), byteOffset: 0 };
    for (let round = 0; round < 4; round++) {
      device.run("fill", "float32", { output: { buffer: slow, byteOffset: 0 }, size: 1 << 24, value: 1 });
    }
    device.run("copyBytes", "float32", {
      output,
      input: { buffer: file, byteOffset: 0 },
      bytes: bytes.length,
    });
    file.release();
    rmSync(doomed);
    expect(device.memory().mappedBytes).toBe(0);
    expect(new Uint8Array(await device.download(output, bytes.length))).toEqual(bytes);
    expect(() => file.retain()).toThrow("retain: the buffer of 300000 bytes was released");
  });

  test("one that is dropped is unmapped by the garbage collector, and closing the device unmaps all", async () => {
    const drop = () => void device.mapFile(path, bytes.length);
    for (let round = 0; round < 20; round++) drop();
    for (let attempt = 0; attempt < 500 && device.memory().mappedBytes > 0; attempt++) {
      collectGarbage();
      await turn();
    }
    expect(device.memory().mappedBytes).toBe(0);
    const last = device.mapFile(path, bytes.length);
    const sum = device.checksum({ buffer: last, byteOffset: 0 }, bytes.length);
    device.close();
    expect(await sum).toBe(checksum(bytes)); // it holds the mapping by itself
  });

  test("checksums: XXH64's published values, and the same of a file's part", async () => {
    const text = (content: string) => checksum(new TextEncoder().encode(content));
    expect(text("")).toBe(0xef46db3751d8e999n);
    expect(text("a")).toBe(0xd24ec4f1a98c6e5bn);
    expect(text("abc")).toBe(0x44bc2cf5ad770999n);
    const file = device.mapFile(path, bytes.length);
    for (const [first, length] of [
      [0, 300_000],
      [1, 31],
      [64, 32],
      [77, 103],
      [299_999, 1],
      [5, 0],
    ] as const) {
      const part = bytes.slice(first, first + length);
      expect(await device.checksum({ buffer: file, byteOffset: first }, length)).toBe(checksum(part));
      if (length > 0) {
        part[length >> 1]! ^= 1;
        expect(checksum(part)).not.toBe(await device.checksum({ buffer: file, byteOffset: first }, length));
      }
    }
  });

  test("asking for pages ahead of time changes nothing", async () => {
    const file = device.mapFile(path, bytes.length);
    device.prefetch({ buffer: file, byteOffset: 5000 }, 295_000);
    device.prefetch({ buffer: device.allocate(64), byteOffset: 0 }, 64);
    expect(new Uint8Array(await device.download({ buffer: file, byteOffset: 0 }, 300_000))).toEqual(bytes);
    expect(() => device.prefetch({ buffer: file, byteOffset: 5000 }, 295_001)).toThrow(
      "prefetch: 295001 bytes from byte 5000 on do not fit a buffer of 300000 bytes.",
    );
  });

  test("another size than expected, no file, a folder", () => {
    const short = join(folder, "short.bin");
    writeFileSync(short, bytes);
    truncateSync(short, 299_999);
    expect(() => device.mapFile(short, bytes.length)).toThrow(
      `mapFile: ${short} cannot be mapped: it has 299999 bytes; expected 300000.`,
    );
    expect(() => device.mapFile(join(folder, "none"), 1)).toThrow(
      "none cannot be mapped: it cannot be opened (No such file or directory).",
    );
    expect(() => device.mapFile(folder, 1)).toThrow("cannot be mapped: it is no plain file.");
    expect(() => device.mapFile(path, 0)).toThrow(
      "mapFile: bytes is 0; it must be a whole number of bytes, 1 or more.",
    );
    expect(device.memory().mappedBytes).toBe(0);
  });

  test("nothing can be written to it", () => {
    const file = { buffer: device.mapFile(path, bytes.length), byteOffset: 0 };
    const own = { buffer: device.allocate(64), byteOffset: 0 };
    expect(() => device.upload(file, new Uint8Array(4))).toThrow(
      "upload: the destination can only be read: it is a mapped file or a borrowed array.",
    );
    expect(() => device.run("fill", "float32", { output: file, size: 4, value: 1 })).toThrow(
      "fill: buffer output is a mapped file or a borrowed array, which can only be read, as uint8. " +
        "Copy it into a buffer of its own first (copyBytes).",
    );
    expect(() => device.run("copyBytes", "float32", { output: file, input: own, bytes: 4 })).toThrow(
      "copyBytes: buffer output is a mapped file",
    );
    expect(() => device.checksum(own, 4)).toThrow(
      "checksum: the buffer is no mapped file; expected one that device.mapFile made.",
    );
  });
});

describe("a borrowed array", () => {
  test("kernels read it in place; it is held until the queue has passed its last use", async () => {
    const output = { buffer: device.allocate(1000), byteOffset: 0 };
    const slow = { buffer: device.allocate(1 << 26), byteOffset: 0 };
    const collected = { count: 0 };
    const registry = new FinalizationRegistry(() => collected.count++);
    const use = () => {
      const own = bytes.slice();
      registry.register(own.buffer, 0);
      const borrowed = device.borrow(own.subarray(100));
      expect(borrowed).toMatchObject({ bytes: 299_900, readOnly: true });
      expect(device.memory()).toMatchObject({ liveBuffers: 2, mappedBytes: 0 });
      for (let round = 0; round < 4; round++) {
        device.run("fill", "float32", { output: slow, size: 1 << 24, value: 1 });
      }
      device.run("copyBytes", "float32", { output, input: { buffer: borrowed, byteOffset: 7 }, bytes: 1000 });
      borrowed.release();
      expect(borrowed.released).toBe(true);
    };
    use();
    collectGarbage();
    const got = new Uint8Array(await device.download(output, 1000));
    expect(got).toEqual(bytes.subarray(107, 1107));
    for (let attempt = 0; attempt < 20 && collected.count === 0; attempt++) {
      collectGarbage();
      await turn();
    }
    expect(collected.count).toBe(1);
  });

  test("closing the device lets it go; what it must not be", () => {
    const borrowed = device.borrow(bytes.slice());
    expect(() =>
      device.run("fill", "float32", { output: { buffer: borrowed, byteOffset: 0 }, size: 4, value: 1 }),
    ).toThrow("fill: buffer output is a mapped file or a borrowed array, which can only be read");
    expect(() => device.checksum({ buffer: borrowed, byteOffset: 0 }, 4)).toThrow(
      "checksum: the buffer is no mapped file",
    );
    expect(() => device.borrow(new Uint8Array(new SharedArrayBuffer(8)))).toThrow(
      "borrow: the array is shared, so another thread may change it; upload it instead.",
    );
    device.close();
    expect(() => device.borrow(bytes)).toThrow("the device is closed");
  });
});
