import { compareKernel } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

const sizes = [
  { planes: 3, height: 6, width: 8, size: 2 },
  { planes: 2, height: 7, width: 11, size: 3 },
  { planes: 5, height: 4, width: 4, size: 1 },
  { planes: 1, height: 35, width: 70, size: 2 },
  { planes: 0, height: 4, width: 4, size: 2 },
];

describe.each(sizes)("$planes planes of $height×$width, windows of $size", (numbers) => {
  const { planes, height, width, size } = numbers;
  const plane = planes * height * width;
  const pooled = planes * Math.floor(height / size) * Math.floor(width / size);
  const nothing = (count: number) => new Float64Array(count).fill(Number.NaN);

  test("maxPool and its gradient", async () => {
    // Few different numbers, so that windows have several largest.
    const input = randomNumbers(plane, 1).map((value) => Math.round(3 * value));
    if (planes > 1) input[5] = Number.NaN;
    const outputs = ["output"];
    await compareKernel("maxPool", { buffers: { output: nothing(pooled), input }, numbers, outputs });
    await compareKernel("maxPoolBackward", {
      buffers: { inputGradient: nothing(plane), outputGradient: randomNumbers(pooled, 2), input },
      numbers,
      outputs: ["inputGradient"],
    });
  });

  test("upsampleNearest and its gradient", async () => {
    const enlarged = plane * size * size;
    await compareKernel("upsampleNearest", {
      buffers: { output: nothing(enlarged), input: randomNumbers(plane, 1) },
      numbers,
      outputs: ["output"],
    });
    await compareKernel("upsampleNearestBackward", {
      buffers: { inputGradient: nothing(plane), outputGradient: randomNumbers(enlarged, 2) },
      numbers,
      outputs: ["inputGradient"],
    });
  });
});

test("the first of equals gets the gradient, and a NaN is the largest", async () => {
  const numbers = { planes: 1, height: 2, width: 7, size: 2 };
  const input = Float64Array.of(1, 2, 3, 3, Number.NaN, 9, 7, 2, 0, 3, 1, 5, Number.NaN, 7);
  const { reference } = await compareKernel("maxPoolBackward", {
    buffers: { inputGradient: new Float64Array(14), outputGradient: Float64Array.of(1, 2, 3), input },
    numbers,
    outputs: ["inputGradient"],
  });
  expect([...reference.inputGradient!]).toEqual([0, 1, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});
