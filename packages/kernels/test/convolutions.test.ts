import { availableInstructionSets } from "@splitmask/kernels";
import { compareKernel, compareSets, type KernelCase } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

interface Layer {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outputChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  readonly padding: number;
}

const layer = (
  [batch, channels, height, width]: readonly number[],
  outputChannels: number,
  [kernelHeight, kernelWidth]: readonly number[],
  stride = 1,
  padding = 0,
): Layer =>
  ({ batch, channels, height, width, outputChannels, kernelHeight, kernelWidth, stride, padding }) as Layer;

/** Sizes that fill no vector and no panel, several parts of places, blocks of the inner dimension and slices. */
const layers: Record<string, Layer> = {
  "1×1": layer([2, 5, 6, 7], 4, [1, 1]),
  "1×1 of many places": layer([2, 9, 17, 18], 40, [1, 1]),
  "1×1 with stride": layer([2, 3, 7, 6], 5, [1, 1], 2),
  "1×1 with padding": layer([1, 3, 4, 4], 5, [1, 1], 1, 1),
  "3×3": layer([3, 4, 9, 11], 6, [3, 3]),
  "3×3 with padding": layer([2, 44, 12, 35], 17, [3, 3], 1, 1),
  "3×3 of a small picture": layer([9, 6, 3, 4], 5, [3, 3], 1, 1),
  "4×4 with stride": layer([2, 5, 16, 20], 33, [4, 4], 2, 1),
  "4×4 with stride, odd sizes": layer([2, 3, 9, 13], 4, [4, 4], 2, 1),
  "7×7": layer([1, 3, 40, 33], 20, [7, 7], 1, 3),
  "2×5 with a large stride": layer([2, 2, 11, 17], 3, [2, 5], 3),
  "kernel below the stride": layer([1, 2, 8, 8], 3, [1, 2], 3),
  "padding beyond the kernel": layer([1, 2, 3, 4], 2, [2, 2], 2, 3),
  "one column": layer([2, 3, 50, 1], 4, [3, 1], 1, 0),
  "many samples": layer([30, 7, 8, 8], 9, [3, 3], 1, 1),
  "a wide row": layer([1, 2, 2, 300], 3, [2, 3], 1, 1),
  "no samples": layer([0, 2, 4, 4], 3, [3, 3], 1, 1),
};

const outputSizes = ({ height, width, kernelHeight, kernelWidth, stride, padding }: Layer) => ({
  outputHeight: Math.floor((height + 2 * padding - kernelHeight) / stride) + 1,
  outputWidth: Math.floor((width + 2 * padding - kernelWidth) / stride) + 1,
});

function cases(sizes: Layer): Record<string, KernelCase> {
  const { batch, channels, height, width, outputChannels, kernelHeight, kernelWidth } = sizes;
  const { outputHeight, outputWidth } = outputSizes(sizes);
  const input = randomNumbers(batch * channels * height * width, 1);
  const gradient = randomNumbers(batch * outputChannels * outputHeight * outputWidth, 2);
  const weight = randomNumbers(outputChannels * channels * kernelHeight * kernelWidth, 3);
  const numbers = { ...sizes, outputHeight, outputWidth };
  const terms = Math.max(channels, outputChannels) * kernelHeight * kernelWidth;
  const tolerance = { absolute: 1e-6 + terms * 2 ** -24, relative: 2e-6 };
  const sumTolerance = { absolute: 1e-6 + batch * outputHeight * outputWidth * 2 ** -24, relative: 2e-6 };
  const ofBias = { batch, outputChannels, outputHeight, outputWidth };
  const nothing = ({ length }: Float64Array) => new Float64Array(length).fill(Number.NaN);
  const forward = { input, weight, output: nothing(gradient) };
  const backward = { inputGradient: nothing(input), outputGradient: gradient, weight };
  return {
    convolution: {
      buffers: { ...forward, bias: null },
      numbers: { ...numbers, activation: 0 },
      outputs: ["output"],
      ...tolerance,
    },
    "convolution with bias and ReLU": {
      buffers: { ...forward, bias: randomNumbers(outputChannels, 4) },
      numbers: { ...numbers, activation: 1 },
      outputs: ["output"],
      ...tolerance,
    },
    convolutionBackwardInput: {
      buffers: { ...backward, bias: null },
      numbers: { ...numbers, activation: 0 },
      outputs: ["inputGradient"],
      ...tolerance,
    },
    "convolutionBackwardInput with bias and ReLU": {
      buffers: { ...backward, bias: randomNumbers(channels, 5) },
      numbers: { ...numbers, activation: 1 },
      outputs: ["inputGradient"],
      ...tolerance,
    },
    convolutionBackwardWeight: {
      buffers: { weightGradient: nothing(weight), outputGradient: gradient, input },
      numbers,
      outputs: ["weightGradient"],
      ...sumTolerance,
    },
    convolutionBackwardBias: {
      buffers: {
        sumsGradient: null,
        biasGradient: new Float64Array(outputChannels),
        outputGradient: gradient,
        output: null,
      },
      numbers: ofBias,
      outputs: ["biasGradient"],
      ...sumTolerance,
    },
    "convolutionBackwardBias in place behind ReLU": {
      buffers: {
        sumsGradient: gradient,
        biasGradient: new Float64Array(outputChannels),
        outputGradient: "sumsGradient",
        output: randomNumbers(gradient.length, 6).map((value) => Math.max(value, 0)),
      },
      numbers: ofBias,
      outputs: ["sumsGradient", "biasGradient"],
      ...sumTolerance,
    },
  };
}

const kernels = [
  "convolution",
  "convolutionBackwardInput",
  "convolutionBackwardWeight",
  "convolutionBackwardBias",
] as const;
const kernelOf = (name: string) => name.split(" ")[0] as (typeof kernels)[number];

describe.each(Object.entries(layers))("%s", (_, sizes) => {
  test.each(Object.entries(cases(sizes)))("%s", async (name, given) => {
    await compareKernel(kernelOf(name), given);
  });
});

test("the sums of their definitions", async () => {
  const numbers = { ...layer([1, 1, 3, 3], 1, [2, 2], 2, 1), outputHeight: 2, outputWidth: 2 };
  const weight = Float64Array.of(1, 10, 100, 1000);
  const forward = await compareKernel("convolution", {
    buffers: {
      output: new Float64Array(4),
      input: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
      weight,
      bias: Float64Array.of(-3200),
    },
    numbers: { ...numbers, activation: 1 },
    outputs: ["output"],
  });
  // Windows (0 0; 0 1), (0 0; 2 3), (0 4; 0 7) and (5 6; 8 9).
  expect([...forward.reference.output!]).toEqual([0, 0, 3840, 6665]);
  const backward = await compareKernel("convolutionBackwardInput", {
    buffers: {
      inputGradient: new Float64Array(9),
      outputGradient: Float64Array.of(1, 2, 3, 4),
      weight,
      bias: null,
    },
    numbers: { ...numbers, activation: 0 },
    outputs: ["inputGradient"],
  });
  expect([...backward.reference.inputGradient!]).toEqual([1000, 200, 2000, 30, 4, 40, 3000, 400, 4000]);
});

test("NaN reaches the places that read it, also through ReLU", async () => {
  const sizes = layer([1, 3, 20, 20], 4, [3, 3], 1, 1);
  const given = cases(sizes)["convolution with bias and ReLU"]!;
  (given.buffers.input as Float64Array)[5 * 20 + 7] = Number.NaN;
  const { reference } = await compareKernel("convolution", given);
  expect(reference.output!.filter(Number.isNaN).length).toBe(4 * 9);
});

test.each(kernels.slice(0, 3))("%s: sets with fused multiply-adds agree to the last bit", async (name) => {
  const sets = availableInstructionSets().filter((set) => set !== "portable");
  for (const sizes of [layer([2, 50, 12, 12], 20, [3, 3], 1, 1), layer([2, 30, 12, 13], 40, [4, 4], 2, 1)]) {
    await compareSets(name, sets, cases(sizes)[name]!);
  }
});
