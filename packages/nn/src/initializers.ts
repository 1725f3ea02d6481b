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
 * A normal distribution cut to [−2, 2], as timm and DeiT begin vision transformers: with the usual deviations nothing
 * is cut. BEiT's pre-training cuts at one standard deviation.
 *
 * @param standardDeviation Default 0.02.
 */
export function truncatedNormalInitializer(standardDeviation = 0.02): Initializer {
  return (device, shape, key) => truncatedNormal(device, shape, { standardDeviation, key });
}

/** Uniform in ±√(6 / (fan-in + fan-out)) for out×in weights (Glorot and Bengio 2010); MAE's choice. */
export const xavierUniform: Initializer = (device, shape, key) => {
  const [fanOut = 1, fanIn = 1] = shape;
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(device, shape, { low: -bound, high: bound, key });
};

/** Zeros. */
export const zerosInitializer: Initializer = (device, shape) => zeros(device, shape);
