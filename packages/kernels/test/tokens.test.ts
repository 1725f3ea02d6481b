import { createDevice } from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { sampleIntegers, sampleNumbers } from "./sampleNumbers.js";

// batch, tokens of the whole, tokens by index, width
const sizes: [number, number, number, number][] = [
  [0, 4, 3, 5],
  [2, 4, 0, 5],
  [2, 4, 3, 0],
  [1, 1, 1, 1],
  [3, 9, 4, 7],
  [2, 5, 11, 33], // more than there are: places repeat
  [20, 14, 7, 130],
];

describe("gatherTokens", () => {
  test.each(sizes)(
    "batch %i, %i tokens, %i places, width %i",
    async (batch, inputTokens, outputTokens, width) => {
      const indices = sampleIntegers(batch * outputTokens, 1, inputTokens);
      for (const inputBatchStride of [inputTokens * width, 0]) {
        const input = sampleNumbers((inputBatchStride === 0 ? 1 : batch) * inputTokens * width, 2);
        const { reference } = await compareKernel("gatherTokens", {
          buffers: { output: new Float32Array(batch * outputTokens * width), input, indices },
          numbers: { batch, inputTokens, outputTokens, width, inputBatchStride },
          outputs: ["output"],
        });
        const expected = [...indices].flatMap((index, r) => {
          const start = Math.floor(r / outputTokens) * inputBatchStride + index * width;
          return [...input.subarray(start, start + width)];
        });
        expectNumbers(reference.output, expected);
      }
    },
  );
});

describe("scatterAddTokens", () => {
  test.each(sizes)(
    "batch %i, %i tokens, %i places, width %i",
    async (batch, outputTokens, inputTokens, width) => {
      const indices = sampleIntegers(batch * inputTokens, 1, outputTokens);
      const input = sampleNumbers(batch * inputTokens * width, 2);
      for (const outputBatchStride of [outputTokens * width, 0]) {
        const output = sampleNumbers((outputBatchStride === 0 ? 1 : batch) * outputTokens * width, 3);
        const { reference } = await compareKernel("scatterAddTokens", {
          buffers: { output, input, indices },
          numbers: { batch, outputTokens, inputTokens, width, outputBatchStride },
          outputs: ["output"],
        });
        const expected = Float64Array.from(output);
        indices.forEach((index, r) => {
          const start = Math.floor(r / inputTokens) * outputBatchStride + index * width;
          for (let i = 0; i < width; i += 1) expected[start + i]! += input[r * width + i]!;
        });
        expectNumbers(reference.output, expected);
      }
    },
  );
});

describe("gatherIntegers", () => {
  test.each([
    [0, 3, 2],
    [1, 1, 1],
    [5, 7, 9],
  ])("%i rows, %i of %i columns", async (batch, inputColumns, outputColumns) => {
    const input = sampleIntegers(batch * inputColumns, 1, 1_000_000);
    const indices = sampleIntegers(batch * outputColumns, 2, inputColumns);
    const { reference } = await compareKernel("gatherIntegers", {
      buffers: { output: new Int32Array(batch * outputColumns), input, indices },
      numbers: { batch, inputColumns, outputColumns },
      outputs: ["output"],
    });
    expectNumbers(
      reference.output,
      indices.map((index, i) => input[Math.floor(i / outputColumns) * inputColumns + index]!),
    );
  });
});

describe("an index out of range", () => {
  const message = (name: string, index: number) =>
    `${name}: index ${index} is out of range: it must be at least 0 and less than 3`;
  test.each([-1, 3, 2 ** 31 - 1, -(2 ** 31)])("%i", async (index) => {
    const indices = Int32Array.of(0, index);
    const numbers = { batch: 1, width: 2 };
    await expect(
      compareKernel("gatherTokens", {
        buffers: { output: new Float32Array(4), input: new Float32Array(6), indices },
        numbers: { ...numbers, inputTokens: 3, outputTokens: 2, inputBatchStride: 6 },
        outputs: ["output"],
      }),
    ).rejects.toThrow(message("gatherTokens", index));
    await expect(
      compareKernel("scatterAddTokens", {
        buffers: { output: new Float32Array(6), input: new Float32Array(4), indices },
        numbers: { ...numbers, inputTokens: 2, outputTokens: 3, outputBatchStride: 6 },
        outputs: ["output"],
      }),
    ).rejects.toThrow(message("scatterAddTokens", index));
    await expect(
      compareKernel("gatherIntegers", {
        buffers: { output: new Int32Array(2), input: new Int32Array(3), indices },
        numbers: { batch: 1, inputColumns: 3, outputColumns: 2 },
        outputs: ["output"],
      }),
    ).rejects.toThrow(message("gatherIntegers", index));
  });

  test.each(["fast", "naive"] as const)("nothing is written by the %s kernels", async (implementation) => {
    const device = createDevice({ implementation });
    const place = (values: Float32Array | Int32Array) => {
      const argument = { buffer: device.allocate(values.byteLength), byteOffset: 0 };
      device.upload(argument, values);
      return argument;
    };
    const output = place(Float32Array.of(1, 2, 3));
    const input = place(new Float32Array(3));
    const indices = place(Int32Array.of(0, 1, 3));
    const numbers = { batch: 1, inputTokens: 3, outputTokens: 3, width: 1 };
    device.run("gatherTokens", "float32", { output, input, indices, ...numbers, inputBatchStride: 3 });
    await expect(device.synchronize()).rejects.toThrow(message("gatherTokens", 3));
    device.run("scatterAddTokens", "float32", { output, input, indices, ...numbers, outputBatchStride: 3 });
    await expect(device.synchronize()).rejects.toThrow(message("scatterAddTokens", 3));
    expect(new Float32Array(await device.download(output, 12))).toEqual(Float32Array.of(1, 2, 3));
    device.close();
  });
});
