import type { Device } from "@splitmask/kernels";
import { normal, tensor } from "../creation.js";
import { multiply } from "../ops/binary.js";
import { sum } from "../ops/reductions.js";
import { RandomStream } from "../random.js";
import { noGrad, scope } from "../scope.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** Options of `checkGradient`. */
export interface GradientCheckOptions {
  /**
   * How far a difference quotient may lie from the gradient, relative to the largest one of that input. Default 1e-6.
   */
  readonly tolerance?: number;
  /** The step of the difference quotients. Default 1e-5. */
  readonly stepSize?: number;
  /**
   * How many elements of each input are tried by themselves. Besides, all are tried together along random directions.
   * Default 12.
   */
  readonly elements?: number;
  /** Chooses elements and directions. Default 0. */
  readonly seed?: number;
}

/**
 * Compares the gradients of a function with central difference quotients, in float64: of some elements one by one, and
 * of all elements along three random directions.
 *
 * @param compute Pure: the same inputs give the same result. Its result may have any shape; it is weighted with random
 * numbers.
 * @param inputs float64 tensors; those that require a gradient are checked.
 * @throws Error That names the input, the element or direction, and both numbers, where they differ.
 */
export async function checkGradient<Names extends string>(
  device: Device,
  compute: (inputs: Readonly<Record<Names, Tensor>>) => Tensor,
  inputs: Readonly<Record<Names, Tensor>>,
  options: GradientCheckOptions = {},
): Promise<void> {
  const { tolerance = 1e-6, stepSize = 1e-5, elements = 12, seed = 0 } = options;
  const names = (Object.keys(inputs) as Names[]).filter((name) => inputs[name].requiresGrad);
  if (names.length === 0) {
    throw new TypeError("checkGradient: no input requires a gradient; make one with { requiresGrad: true }.");
  }
  for (const name of names) {
    if (inputs[name].dtype !== "float64") {
      throw new TypeError(
        `checkGradient: ${name} is ${inputs[name].dtype}; difference quotients need { dtype: "float64" }.`,
      );
    }
    inputs[name].grad = null;
  }
  const output = compute(inputs);
  const weights = normal(device, output.shape, {
    key: { seed, purpose: "checkGradient.weights" },
    dtype: "float64",
  });
  output.backward(weights);

  const valueAt = (name: Names, changed: Float64Array<ArrayBuffer>): Promise<number> =>
    scope(device, () =>
      noGrad(device, () => {
        const moved = tensor(device, changed, inputs[name].shape);
        return sum(multiply(compute({ ...inputs, [name]: moved }), weights));
      }),
    ).item();

  for (const name of names) {
    const gradient = inputs[name].grad;
    if (gradient === null) throw new Error(`checkGradient: no gradient reached ${name}.`);
    const analytic = (await gradient.data()) as Float64Array<ArrayBuffer>;
    const start = (await inputs[name].data()) as Float64Array<ArrayBuffer>;
    const largest = analytic.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const { label, direction } of directions(start.length, elements, {
      seed,
      purpose: `checkGradient.${name}`,
    })) {
      const expected = analytic.reduce((total, value, index) => total + value * direction[index]!, 0);
      const [above, below] = await Promise.all(
        [stepSize, -stepSize].map((size) =>
          valueAt(
            name,
            start.map((value, index) => value + size * direction[index]!),
          ),
        ),
      );
      const quotient = (above! - below!) / (2 * stepSize);
      // Along a direction the errors of all elements add up like its length.
      const scale = Math.max(largest, Math.abs(expected), 1e-3);
      if (!(Math.abs(quotient - expected) <= tolerance * scale)) {
        throw new Error(
          `checkGradient: the gradient of ${name} (${formatShape(inputs[name].shape)}) ${label} is ` +
            `${expected}, but the difference quotient is ${quotient}.`,
        );
      }
    }
  }
}

function directions(
  size: number,
  elements: number,
  key: { seed: number; purpose: string },
): { label: string; direction: Float64Array<ArrayBuffer> }[] {
  const stream = new RandomStream(key);
  const chosen = stream.permutation(size).slice(0, elements);
  const single = Array.from(chosen, (element) => {
    const direction = new Float64Array(size);
    direction[element] = 1;
    return { label: `at element ${element}`, direction };
  });
  const mixed = Array.from({ length: 3 }, (_, index) => {
    const signs = Float64Array.from({ length: size }, () => stream.uniform(-1, 1));
    return { label: `along random direction ${index}`, direction: signs };
  });
  return [...single, ...mixed];
}
