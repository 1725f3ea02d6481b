import { createDevice } from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { sampleNumbers } from "./sampleNumbers.js";

// Two long ones, so that one parameter has several tasks; empty ones at both ends and in between.
const sizes = [0, 1, 7, 16, 0, 0, 16_500, 129, 16_390, 0];

describe("gradientNorm", () => {
  const run = async (gradients: Float32Array[], maximum: number) =>
    (
      await compareKernel("gradientNorm", {
        buffers: { output: new Float32Array(2) },
        numbers: { maximum },
        each: gradients.map((gradient) => ({ buffers: { gradient }, numbers: { size: gradient.length } })),
        outputs: ["output"],
      })
    ).reference.output!;

  test("many parameters", async () => {
    const gradients = sizes.map((size, item) => sampleNumbers(size, item));
    const norm = Math.sqrt(gradients.flatMap((gradient) => [...gradient]).reduce((sum, g) => sum + g * g, 0));
    expectNumbers(await run(gradients, 3), [norm, 3 / (norm + 1e-6)], { relative: 1e-9 });
    expectNumbers(await run(gradients, norm * 2), [norm, 1], { relative: 1e-9 });
    expectNumbers(await run(gradients, 0), [norm, 1], { relative: 1e-9 });
  });
  test("none, large values, NaN, infinity", async () => {
    expectNumbers(await run([], 1), [0, 1]);
    expectNumbers(await run([Float32Array.of(3e30, 4e30)], 0), [5e30, 1], { relative: 1e-6 });
    expectNumbers(await run([Float32Array.of(1, NaN), Float32Array.of(2)], 1), [NaN, NaN]);
    expectNumbers(await run([Float32Array.of(1, -Infinity)], 1), [Infinity, 0]);
  });
});

/** One parameter of a list with its state. */
interface Item {
  readonly values: Float32Array;
  readonly learningRate: number;
  readonly weightDecay: number;
}
const items: Item[] = sizes.map((size, item) => ({
  values: sampleNumbers(size, item),
  learningRate: 0.01 * (1 + item),
  weightDecay: item % 2 === 0 ? 0 : 0.1,
}));

describe("adamW", () => {
  const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6 };

  test.each([1, 2, 100])("step %i of a list, one parameter being behind", async (step) => {
    for (const scale of [null, Float32Array.of(0.25)])
      await compareKernel("adamW", {
        buffers: { scale },
        numbers: options,
        each: items.map(({ values, learningRate, weightDecay }, item) => ({
          buffers: {
            parameter: values,
            gradient: sampleNumbers(values.length, 20 + item),
            firstMoment: sampleNumbers(values.length, 40 + item),
            secondMoment: sampleNumbers(values.length, 60 + item, 0, 1),
          },
          numbers: { size: values.length, learningRate, weightDecay, step: item === 2 ? 1 : step },
        })),
        outputs: ["parameter", "firstMoment", "secondMoment"],
      });
  });

  test.each(["fast", "naive"] as const)(
    "fifty steps of the %s kernel against the formula",
    async (implementation) => {
      const [size, learningRate, weightDecay, scale] = [37, 0.02, 0.1, 0.5];
      const device = createDevice({ implementation });
      const place = (values: Float32Array) => {
        const argument = { buffer: device.allocate(values.byteLength), byteOffset: 0 };
        device.upload(argument, values);
        return argument;
      };
      const start = sampleNumbers(size, 1);
      const parameter = place(start);
      const firstMoment = place(new Float32Array(size));
      const secondMoment = place(new Float32Array(size));
      const scaleBuffer = place(Float32Array.of(scale));
      const slow = [...start].map((value) => ({ value, m: 0, v: 0 }));
      for (let step = 1; step <= 50; step += 1) {
        const gradient = sampleNumbers(size, 100 + step);
        device.run("adamW", "float32", {
          scale: scaleBuffer,
          ...options,
          each: [
            {
              parameter,
              gradient: place(gradient),
              firstMoment,
              secondMoment,
              size,
              learningRate,
              weightDecay,
              step,
            },
          ],
        });
        slow.forEach((state, i) => {
          const g = scale * gradient[i]!;
          state.value -= learningRate * weightDecay * state.value;
          state.m = options.beta1 * state.m + (1 - options.beta1) * g;
          state.v = options.beta2 * state.v + (1 - options.beta2) * g * g;
          const mHat = state.m / (1 - options.beta1 ** step);
          const vHat = state.v / (1 - options.beta2 ** step);
          state.value -= (learningRate * mHat) / (Math.sqrt(vHat) + options.epsilon);
        });
      }
      const result = new Float32Array(await device.download(parameter, 4 * size));
      expectNumbers(
        result,
        slow.map(({ value }) => value),
        { absolute: 3e-6 },
      );
      device.close();
    },
  );
});

describe("sgd", () => {
  test.each([
    [0, 0],
    [0.9, 0],
    [0.9, 1],
  ])("momentum %d, nesterov %i, of a list", async (momentum, nesterov) => {
    for (const scale of [null, Float32Array.of(0.25)])
      await compareKernel("sgd", {
        buffers: { scale },
        numbers: { momentum, nesterov, trustCoefficient: 0, epsilon: 0 },
        each: items.map(({ values, learningRate, weightDecay }, item) => ({
          buffers: {
            parameter: values,
            gradient: sampleNumbers(values.length, 20 + item),
            momentumBuffer: momentum === 0 ? null : sampleNumbers(values.length, 40 + item),
          },
          numbers: { size: values.length, learningRate, weightDecay, adapt: 0 },
        })),
        outputs: ["parameter", "momentumBuffer"],
      });
  });

  test.each([0, 1])("fifty steps against the formula, nesterov %i", async (nesterov) => {
    const [size, learningRate, weightDecay, momentum] = [21, 0.05, 0.01, 0.9];
    const device = createDevice();
    const place = (values: Float32Array) => {
      const argument = { buffer: device.allocate(values.byteLength), byteOffset: 0 };
      device.upload(argument, values);
      return argument;
    };
    const start = sampleNumbers(size, 1);
    const parameter = place(start);
    const momentumBuffer = place(new Float32Array(size));
    const slow = [...start].map((value) => ({ value, buffer: 0 }));
    for (let step = 1; step <= 50; step += 1) {
      const gradient = sampleNumbers(size, 100 + step);
      const each = [
        { parameter, gradient: place(gradient), momentumBuffer, size, learningRate, weightDecay, adapt: 0 },
      ];
      device.run("sgd", "float32", {
        scale: null,
        momentum,
        nesterov,
        trustCoefficient: 0,
        epsilon: 0,
        each,
      });
      slow.forEach((state, i) => {
        const g = gradient[i]! + weightDecay * state.value;
        state.buffer = momentum * state.buffer + g;
        state.value -= learningRate * (nesterov ? g + momentum * state.buffer : state.buffer);
      });
    }
    expectNumbers(
      new Float32Array(await device.download(parameter, 4 * size)),
      slow.map(({ value }) => value),
      { absolute: 2e-5 },
    );
    device.close();
  });
});

describe("sgd that adapts (LARS)", () => {
  test.each([
    [0, 0],
    [0.9, 0],
    [0.9, 1],
  ])("momentum %d, nesterov %i, of a list", async (momentum, nesterov) => {
    for (const scale of [null, Float32Array.of(0.25)])
      await compareKernel("sgd", {
        buffers: { scale },
        numbers: { momentum, nesterov, trustCoefficient: 0.1, epsilon: 1e-8 },
        each: items.map(({ values, learningRate, weightDecay }, item) => ({
          buffers: {
            // A parameter and a gradient of nothing but zeros are stepped without the factor.
            parameter: item === 3 ? new Float32Array(values.length) : values,
            gradient: item === 7 ? new Float32Array(values.length) : sampleNumbers(values.length, 20 + item),
            momentumBuffer: momentum === 0 ? null : sampleNumbers(values.length, 40 + item),
          },
          numbers: { size: values.length, learningRate, weightDecay, adapt: item % 3 === 0 ? 1 : 0 },
        })),
        outputs: ["parameter", "momentumBuffer"],
      });
  });

  test("the factor is the trust coefficient times the lengths' quotient", async () => {
    const { reference } = await compareKernel("sgd", {
      buffers: { scale: Float32Array.of(2) },
      numbers: { momentum: 0, nesterov: 0, trustCoefficient: 0.5, epsilon: 0 },
      each: [0, 1].map((adapt) => ({
        buffers: {
          parameter: Float32Array.of(3, 4),
          gradient: Float32Array.of(0, 1),
          momentumBuffer: null,
        },
        numbers: { size: 2, learningRate: 1, weightDecay: 0.25, adapt },
      })),
      outputs: ["parameter"],
    });
    // 0.5 · 5 / (2 + 0.25 · 5) of (0.75, 3).
    const ratio = 2.5 / 3.25;
    expectNumbers(reference["parameter[0]"]!, [3 - 0.75, 4 - 3]);
    expectNumbers(reference["parameter[1]"]!, [3 - 0.75 * ratio, 4 - 3 * ratio], { relative: 1e-12 });
  });
});

describe("clipGradients", () => {
  const run = async (gradients: Float32Array[], maximum: number) =>
    (
      await compareKernel("clipGradients", {
        buffers: { output: new Float32Array(1) },
        numbers: { maximum },
        each: gradients.map((gradient) => ({ buffers: { gradient }, numbers: { size: gradient.length } })),
        outputs: ["output", "gradient"],
      })
    ).reference;

  test("many parameters, each by itself", async () => {
    const gradients = sizes.map((size, item) => sampleNumbers(size, item));
    const norms = gradients.map((gradient) => Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)));
    const clipped = await run(gradients, 5);
    // Some are longer and some shorter than what is allowed.
    expect(norms.filter((norm) => norm > 5).length).toBeGreaterThan(2);
    expect(norms.filter((norm) => norm > 0 && norm < 5).length).toBeGreaterThan(1);
    expectNumbers(clipped.output!, [Math.hypot(...norms)], { relative: 1e-9 });
    gradients.forEach((gradient, item) => {
      const scale = Math.min(1, 5 / (norms[item]! + 1e-6));
      expectNumbers(
        clipped[`gradient[${item}]`]!,
        [...gradient].map((g) => g * scale),
        { relative: 1e-9 },
      );
    });
    expect((await run(gradients, 0))["gradient[6]"]).toEqual(Float64Array.from(gradients[6]!));
  });
  test("none, and NaN in one of two", async () => {
    expectNumbers((await run([], 1)).output!, [0]);
    const clipped = await run([Float32Array.of(1, NaN), Float32Array.of(2)], 1);
    expectNumbers(clipped.output!, [NaN]);
    expectNumbers(clipped["gradient[0]"]!, [NaN, NaN]);
    expectNumbers(clipped["gradient[1]"]!, [2 / (2 + 1e-6)], { relative: 1e-9 });
  });
});

test.each([0, 0.001, 0.3, 0.5, 0.9, 1])("moveAverages with weight %d, of a list", async (weight) => {
  const { reference } = await compareKernel("moveAverages", {
    buffers: {},
    numbers: { weight },
    each: sizes.map((size, item) => ({
      buffers: { average: sampleNumbers(size, item), value: sampleNumbers(size, 20 + item) },
      numbers: { size },
    })),
    outputs: ["average"],
  });
  const [average, value] = [sampleNumbers(16_500, 6), sampleNumbers(16_500, 26)];
  expectNumbers(
    reference["average[6]"]!,
    [...average].map((old, i) => old + weight * (value[i]! - old)),
    { absolute: 1e-12 },
  );
});
