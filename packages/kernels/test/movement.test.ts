import { compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { sampleNumbers } from "./sampleNumbers.js";

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

describe("copyBlocks", () => {
  test.each([
    [0, 5],
    [3, 0],
    [1, 1],
    [7, 13],
    [40, 64],
    [2, 20_011],
    [900, 19],
  ])("%i blocks of %i", async (outer, inner) => {
    const outputStride = inner + 5;
    const inputStride = inner + 3;
    const input = sampleNumbers(outer * inputStride + 8, 1);
    const output = sampleNumbers(outer * outputStride + 8, 2);
    const { reference } = await compareKernel("copyBlocks", {
      buffers: { output, input },
      numbers: { outer, inner, outputStride, outputOffset: 2, inputStride, inputOffset: 1 },
      outputs: ["output"],
    });
    const expected = Float64Array.from(output);
    for (let o = 0; o < outer; o += 1)
      for (let i = 0; i < inner; i += 1) {
        const place = o * outputStride + 2 + i;
        expected[place] = input[o * inputStride + 1 + i]!;
      }
    expectNumbers(reference.output, expected);
  });
});

describe("permute", () => {
  /** Output element by element: the input's element at the permuted place. */
  function slowPermute(input: Float32Array, shape: readonly number[], order: readonly number[]) {
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, length) => product * length, 1),
    );
    let places = [0];
    for (const axis of order)
      places = places.flatMap((place) =>
        Array.from({ length: shape[axis]! }, (_, i) => place + i * strides[axis]!),
      );
    return { output: places.map((place) => input[place]!), strides };
  }
  const cases: [number[], number[]][] = [
    [
      [0, 3],
      [1, 0],
    ],
    [[5], [0]],
    [
      [1, 1],
      [1, 0],
    ],
    [
      [3, 5],
      [1, 0],
    ],
    [
      [130, 141],
      [1, 0],
    ],
    [
      [17, 4, 33],
      [0, 2, 1],
    ],
    [
      [17, 4, 33],
      [2, 1, 0],
    ],
    [
      [17, 4, 33],
      [1, 0, 2],
    ],
    [
      [17, 4, 33],
      [0, 1, 2],
    ],
    [
      [7, 6, 5, 8],
      [3, 0, 2, 1],
    ],
    [
      [2, 3, 4, 8, 4, 8],
      [0, 2, 4, 1, 3, 5],
    ], // patches of pictures: B,C,gh,P,gw,P → B,gh,gw,C,P,P
    [
      [2, 5, 3, 2, 16],
      [2, 0, 3, 1, 4],
    ], // heads of qkv: B,N,3,H,d → 3,B,H,N,d
    [
      [2, 1, 3, 1, 2, 3, 2, 2],
      [7, 0, 6, 2, 1, 4, 3, 5],
    ],
  ];
  test.each(cases)("%j by %j", async (shape, order) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const input = sampleNumbers(size, 1);
    const { output, strides } = slowPermute(input, shape, order);
    const numbers: Record<string, number> = {};
    for (let axis = 0; axis < 8; axis += 1) {
      const from = order[axis - (8 - order.length)];
      numbers[`dimension${axis}`] = from === undefined ? 1 : shape[from]!;
      numbers[`inputStride${axis}`] = from === undefined ? 0 : strides[from]!;
    }
    const { reference } = await compareKernel("permute", {
      buffers: { output: new Float32Array(size), input },
      numbers,
      outputs: ["output"],
    });
    expectNumbers(reference.output, output);
  });
});
