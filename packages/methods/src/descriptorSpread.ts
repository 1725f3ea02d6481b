import {
  affine,
  divide,
  l2Normalize,
  matmul,
  mean,
  noGrad,
  scope,
  square,
  subtract,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import type { ForwardContext } from "@splitmask/nn";
import type { HealthAlarm } from "@splitmask/trainer";
import type { VisionTransformer } from "@splitmask/vit";

/** How much the descriptors of a batch differ. */
export interface DescriptorSpread {
  /** Scalar in [0, 1]: the variance of the descriptors at unit length, 1 − ‖mean‖². 0: all point the same way. */
  readonly variance: Tensor;
  /**
   * Scalar from 1 to min(B − 1, D): (Σλ)² / Σλ² of the eigenvalues of their covariance, as many directions of equal
   * variance have the same ratio (the participation ratio). 1: all lie on a line.
   */
  readonly effectiveRank: Tensor;
}

/** The sign that all pictures have encoder outputs on a line. `below`: the effective rank from which on it is one. */
export function singleFeatureAlarm(below: number, advice: string): HealthAlarm {
  return {
    ...{ figure: "effectiveRank", below },
    advice: `The encoder's mean outputs lie on a line: they hold one single feature of the pictures. ${advice}`,
  };
}

/**
 * Variance and effective rank of descriptors, which fall where a method collapses. Both come from the B×B products of
 * the centered descriptors, with no eigenvalues: their trace is Σλ, their squares sum to Σλ².
 *
 * @param descriptors B×D.
 */
export function descriptorSpread(descriptors: Tensor): DescriptorSpread {
  const [pictures] = descriptors.shape as [number, number];
  const directions = l2Normalize(descriptors);
  const centred = subtract(directions, mean(directions, { axes: [0], keepDimensions: true }));
  const trace = sum(square(centred));
  const products = matmul(centred, centred, { transposeB: true });
  // Where all are the same, 0 / 0 would stand for a rank of 0.
  const squares = affine(sum(square(products)), 1, 1e-30);
  return {
    variance: affine(trace, 1 / pictures, 0),
    effectiveRank: divide(square(trace), squares),
  };
}

/**
 * The same of an encoder's outputs for pictures, as health figures. Records no graph.
 *
 * @param images B×3×S×S.
 * @param context In which format products are formed.
 */
export function encoderSpread(
  encoder: VisionTransformer,
  images: Tensor,
  { precision }: Pick<ForwardContext, "precision">,
): Readonly<Record<"descriptorVariance" | "effectiveRank", Tensor>> {
  const { device } = images;
  return noGrad(device, () =>
    scope(device, () => {
      const encoded = encoder.encode(images, precision === undefined ? {} : { precision });
      const { effectiveRank, variance: descriptorVariance } = descriptorSpread(encoded);
      return { descriptorVariance, effectiveRank };
    }),
  );
}
