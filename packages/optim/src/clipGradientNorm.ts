import { empty, slice, type Tensor } from "@splitmask/autograd";

/** What `clipGradientNorm` finds, still on the device. */
export interface ClippedNorm {
  /** The length of all gradients together before clipping, [1]. */
  readonly norm: Tensor;
  /** min(1, maximum / (norm + 1e-6)), [1]: what `optimizer.step({ gradientScale })` takes. */
  readonly scale: Tensor;
}

/**
 * The global norm of all gradients and the factor that brings it down to `maximum`. Nothing is changed and nothing is waited for: hand `scale` to the optimizer's step.
 *
 * @param parameters Those without a gradient are left out.
 * @param maximum 0: no clipping, the scale is 1.
 * @throws Error If no parameter has a gradient.
 */
export function clipGradientNorm(parameters: Iterable<Tensor>, maximum: number): ClippedNorm {
  if (!(maximum >= 0)) {
    throw new RangeError(`clipGradientNorm: maximum is ${maximum}; expected a number ≥ 0 (0: no clipping).`);
  }
  const gradients = [...parameters].flatMap((parameter) => (parameter.grad === null ? [] : [parameter.grad]));
  const first = gradients[0];
  if (first === undefined) {
    throw new Error("clipGradientNorm: no parameter has a gradient; call backward() on the loss first.");
  }
  const output = empty(first.device, [2], first.dtype);
  first.device.run("gradientNorm", first.dtype as "float32" | "float64", {
    output,
    maximum,
    each: gradients.map((gradient) => ({ gradient, size: gradient.size })),
  });
  return { norm: slice(output, 0, 0, 1), scale: slice(output, 0, 1, 2) };
}
