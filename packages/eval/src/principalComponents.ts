import {
  affine,
  concatenate,
  divide,
  l2Normalize,
  matmul,
  mean,
  multiply,
  noGrad,
  normal,
  scope,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";
import { uploadFeatures } from "./labelledFeatures.js";

/** Options of {@link principalComponents}. */
export interface PrincipalComponentsOptions {
  /** How many, k. Default 2. */
  readonly components?: number;
}

/** What {@link principalComponents} finds. */
export interface PrincipalComponents {
  /** N×k: the centered features along each component. */
  readonly projections: NdArray<Float32Array>;
  /** k×D unit rows, at right angles to each other, the one of largest variance first; which of both signs is chance. */
  readonly components: NdArray<Float32Array>;
  /** k shares of the features' whole variance, 0 … 1. */
  readonly explained: Float32Array;
}

/** 2^14 steps of the power method: directions whose variances differ by a thousandth are told apart. */
const squarings = 14;

/**
 * Principal component analysis: the k orthogonal directions in which features differ most (the leading eigenvectors of
 * their covariance), each found by squaring the covariance over and over and then taken out of it. All on the device.
 *
 * @param device Where it is computed.
 * @param features N×D.
 * @throws RangeError if k is not from 1 to D, or there is no row.
 */
export async function principalComponents(
  device: Device,
  features: NdArray<Float32Array>,
  options: PrincipalComponentsOptions = {},
): Promise<PrincipalComponents> {
  const { components: count = 2 } = options;
  const [rows, width] = features.shape as [number, number];
  if (rows === 0)
    throw new RangeError("principalComponents: features has no rows; expected at least one picture.");
  if (!Number.isInteger(count) || count < 1 || count > width) {
    throw new RangeError(
      `principalComponents: components is ${count} and features is ${rows}×${width}; ` +
        `components must be a whole number from 1 to ${width}.`,
    );
  }
  const found = noGrad(device, () =>
    scope(device, () => {
      const uploaded = uploadFeatures(device, features);
      const centered = subtract(uploaded, mean(uploaded, { axes: [0], keepDimensions: true }));
      let covariance = matmul(centered, centered, { transposeA: true, alpha: 1 / rows });
      const directions: Tensor[] = [];
      const variances: Tensor[] = [];
      for (let component = 0; component < count; component++) {
        const direction = leadingDirection(covariance, component);
        const variance = matmul(matmul(direction, covariance), direction, { transposeB: true });
        covariance = subtract(
          covariance,
          multiply(matmul(direction, direction, { transposeA: true }), variance),
        );
        directions.push(direction);
        variances.push(variance);
      }
      const components = concatenate(directions, 0);
      // Features that are all the same have no variance to share.
      const total = affine(sum(square(centered)), 1 / rows, 1e-30);
      return {
        components,
        projections: matmul(centered, components, { transposeB: true }),
        explained: divide(concatenate(variances, 0), total),
      };
    }),
  );
  const { components, projections, explained } = found;
  const [axes, places, shares] = (await Promise.all([
    components.data(),
    projections.data(),
    explained.data(),
  ])) as [Float32Array, Float32Array, Float32Array];
  for (const tensor of [components, projections, explained]) tensor.dispose();
  return {
    components: ndarray(axes, [count, width]),
    projections: ndarray(places, [rows, count]),
    explained: shares,
  };
}

/** The eigenvector 1×D of the largest eigenvalue of a covariance D×D. */
function leadingDirection(covariance: Tensor, component: number): Tensor {
  const { device } = covariance;
  return scope(device, () => {
    let power = unitNorm(covariance);
    for (let squaring = 0; squaring < squarings; squaring++) power = unitNorm(matmul(power, power));
    const key = { seed: 0, purpose: "principalComponents.start", step: component };
    return l2Normalize(matmul(normal(device, [1, covariance.shape[0]!], { key }), power));
  });
}

/** A matrix scaled to Frobenius norm 1, so that its powers neither vanish nor overflow; zeros stay zeros. */
function unitNorm(matrix: Tensor): Tensor {
  return divide(matrix, sqrt(affine(sum(square(matrix)), 1, 1e-30)));
}
