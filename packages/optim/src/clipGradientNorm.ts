import { empty, slice, type Tensor } from "@splitmask/autograd";

/** What `clipGradientNorm` finds, still on the device. */
export interface ClippedNorm {
  /** The length of all gradients together before clipping, [1]. */
  readonly norm: Tensor;
  /** min(1, maximum / (norm + 1e-6)), [1]: what `optimizer.step({ gradientScale })` takes. */
  readonly scale: Tensor;
}

/**
 * The global norm of all gradients and the factor that brings it down to `maximum`. Nothing is changed and nothing is
 * waited for: hand `scale` to the optimizer's step.
 *
 * @param parameters Those without a gradient are left out.
 * @param maximum 0: no clipping, the scale is 1.
 * @throws Error If no parameter has a gradient.
 */
export function clipGradientNorm(parameters: Iterable<Tensor>, maximum: number): ClippedNorm {
  const gradients = gradientsOf("clipGradientNorm", parameters, maximum);
  const output = runOver("gradientNorm", gradients, maximum, 2);
  return { norm: slice(output, 0, 0, 1), scale: slice(output, 0, 1, 2) };
}

/**
 * Clips each gradient by itself, in place and without waiting: times min(1, maximum / (its norm + 1e-6)), as DINO does
 * and PyTorch's `clip_grad_norm_` of one tensor.
 *
 * @param parameters Those without a gradient are left out.
 * @param maximum 0: no clipping.
 * @returns The length of all gradients together before clipping, [1], on the device.
 * @throws Error If no parameter has a gradient.
 */
export function clipGradientNorms(parameters: Iterable<Tensor>, maximum: number): Tensor {
  return runOver("clipGradients", gradientsOf("clipGradientNorms", parameters, maximum), maximum, 1);
}

function gradientsOf(name: string, parameters: Iterable<Tensor>, maximum: number): Tensor[] {
  if (!(maximum >= 0)) {
    throw new RangeError(`${name}: maximum is ${maximum}; expected a number ≥ 0 (0: no clipping).`);
  }
  const gradients = [...parameters].flatMap((parameter) => (parameter.grad === null ? [] : [parameter.grad]));
  if (gradients.length === 0) {
    throw new Error(`${name}: no parameter has a gradient; call backward() on the loss first.`);
  }
  return gradients;
}

function runOver(
  kernel: "gradientNorm" | "clipGradients",
  gradients: readonly Tensor[],
  maximum: number,
  outputs: number,
): Tensor {
  const { device, dtype } = gradients[0]!;
  const output = empty(device, [outputs], dtype);
  device.run(kernel, dtype as "float32" | "float64", {
    output,
    maximum,
    each: gradients.map((gradient) => ({ gradient, size: gradient.size })),
  });
  return output;
}
