import {
  absolute,
  add,
  affine,
  exp,
  log,
  mean,
  multiply,
  noGrad,
  scope,
  subtract,
  type Tensor,
} from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/**
 * The negative log-likelihood of pixels under a logit-Laplace distribution, the reconstruction loss of DALL-E's
 * discrete VAE (Ramesh et al. 2021, arXiv 2102.12092, appendix A.3): logit(x) is Laplace-distributed, so that
 * f(x | μ, b) = exp(−|logit(x) − μ| / b) / (2·b·x·(1 − x)). No gradient flows to the pixels.
 *
 * @param location μ, of any shape.
 * @param logScale ln b, of the same shape.
 * @param pixels x of the same shape, each in (0, 1); DALL-E's in [0.1, 0.9].
 * @returns The mean over all pixels and channels, in nats; a scalar.
 * @throws TypeError If the shapes differ or there is no pixel.
 */
export function logitLaplaceLoss(location: Tensor, logScale: Tensor, pixels: Tensor): Tensor {
  const shapes = [location, logScale, pixels].map(describeShape);
  if (pixels.size === 0 || new Set(shapes).size > 1) {
    throw new TypeError(
      `logitLaplaceLoss: location is ${shapes[0]}, logScale is ${shapes[1]} and pixels are ${shapes[2]}; ` +
        "expected three tensors of one shape, with at least one pixel.",
    );
  }
  const { device } = pixels;
  const { logit, density } = noGrad(device, () =>
    scope(device, () => {
      const [present, absent] = [log(pixels), log(affine(pixels, -1, 1))];
      return { logit: subtract(present, absent), density: mean(add(present, absent)) };
    }),
  );
  const distance = multiply(absolute(subtract(logit, location)), exp(affine(logScale, -1, 0)));
  return affine(add(mean(add(distance, logScale)), density), 1, Math.LN2);
}
