import {
  affine,
  divide,
  mean,
  noGrad,
  scope,
  sqrt,
  square,
  subtract,
  type Tensor,
} from "@splitmask/autograd";

/** Center and scale of features. */
export interface Standardization {
  /** D: mean of each feature. */
  readonly center: Tensor;
  /** D: standard deviation of each feature + 1e-6, so that one that never changes stays 0. */
  readonly scale: Tensor;
}

/** Mean and standard deviation of each column of N×D features. */
export function measureStandardization(features: Tensor): Standardization {
  return scope(features.device, () => {
    const center = mean(features, { axes: [0] });
    const deviation = sqrt(mean(square(subtract(features, center)), { axes: [0] }));
    return { center, scale: affine(deviation, 1, 1e-6) };
  });
}

/** (x − center) / scale for N×D features. */
export function standardize(features: Tensor, { center, scale }: Standardization): Tensor {
  const { device } = features;
  return noGrad(device, () => scope(device, () => divide(subtract(features, center), scale)));
}
