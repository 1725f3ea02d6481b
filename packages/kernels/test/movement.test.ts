import { compareKernel } from "./compareKernel";

const sizes = [0, 1, 3, 4, 7, 15, 16, 17, 33, 65_536, 65_537, 200_003];

describe("fill", () => {
  test.each(sizes)("%i elements", async (size) => {
    const { reference } = await compareKernel("fill", {
      buffers: { output: new Float32Array(size) },
      numbers: { size, value: 0.375 },
      outputs: ["output"],
    });
    expect(reference.output).toEqual(new Float64Array(size).fill(0.375));
  });

  test("NaN and infinity", async () => {
    for (const value of [NaN, Infinity, -0]) {
      const { reference } = await compareKernel("fill", {
        buffers: { output: new Float32Array(5) },
        numbers: { size: 5, value },
        outputs: ["output"],
      });
      expect(reference.output).toEqual(new Float64Array(5).fill(value));
    }
  });
});

describe("copyBytes", () => {
  test.each([...sizes, 600_001])("%i bytes", async (bytes) => {
    const input = Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 255);
    const { reference } = await compareKernel("copyBytes", {
      buffers: { output: new Uint8Array(bytes), input },
      numbers: { bytes },
      outputs: ["output"],
    });
    expect(Buffer.compare(reference.output as Uint8Array, input)).toBe(0);
  });
});
