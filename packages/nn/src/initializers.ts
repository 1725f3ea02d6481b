import {
  type RandomKey,
  type Shape,
  type Tensor,
  truncatedNormal,
  uniform,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";

/** Draws a parameter's first values. */
export type Initializer = (device: Device, shape: Shape, key: RandomKey) => Tensor;

/**
 * A normal distribution cut to [−bound, bound]. timm and DeiT begin vision transformers with the bound 2, at which
 * nothing of the usual deviations is cut; BEiT's pre-training cuts at one standard deviation.
 *
 * @param standardDeviation Of the distribution before it is cut. Default 0.02.
 * @param bound In units of the numbers, not of the standard deviation. Default 2.
 */
export function truncatedNormalInitializer(standardDeviation = 0.02, bound = 2): Initializer {
  return (device, shape, key) =>
    truncatedNormal(device, shape, { standardDeviation, low: -bound, high: bound, key });
}

/** Uniform in ±√(6 / (fan-in + fan-out)) for out×in weights (Glorot and Bengio 2010); MAE's choice. */
export const xavierUniform: Initializer = (device, shape, key) => {
  const [fanOut = 1, fanIn = 1] = shape;
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(device, shape, { low: -bound, high: bound, key });
};

/** Zeros. */
export const zerosInitializer: Initializer = (device, shape) => zeros(device, shape);
