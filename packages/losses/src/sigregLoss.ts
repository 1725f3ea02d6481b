import { add, affine, checkpoint, cos, matmul, mean, sin, square, type Tensor } from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/** The characteristic functions are compared at −5, −4.375, … 5: 17 points, of which the negative ones are mirrored. */
const spacing = 0.625;
const positivePoints = 8;

/**
 * SIGReg, the regularization of LeJEPA (Balestriero and LeCun 2025, arXiv 2511.08544, algorithm 1): how far embeddings
 * are from an isotropic Gaussian, along given directions. For each direction, with x the N projections onto it, the
 * Epps–Pulley statistic N·∫|φ(t) − e^(−t²/2)|²·e^(−t²/2) dt, φ(t) = mean of e^(itx), by the trapezoidal rule on 17
 * points from −5 to 5. The intermediate results (16·N·M numbers) are not kept but recomputed in the backward pass.
 *
 * @param embeddings N×D.
 * @param directions M×D, rows of unit length; to be drawn anew for each step.
 * @returns The mean over the directions, a scalar.
 * @throws TypeError If the widths differ.
 */
export function sigregLoss(embeddings: Tensor, directions: Tensor): Tensor {
  if (embeddings.rank !== 2 || directions.rank !== 2 || embeddings.shape[1] !== directions.shape[1]) {
    throw new TypeError(
      `sigregLoss: embeddings are ${describeShape(embeddings)} and directions are ${describeShape(directions)}; ` +
        "expected N×D and M×D.",
    );
  }
  return checkpoint(statistic, [embeddings, directions.detach()]);
}

/** `sigregLoss` of checked arguments. */
function statistic(embeddings: Tensor, directions: Tensor): Tensor {
  const along = matmul(embeddings, directions, { transposeB: true });
  const terms = Array.from({ length: positivePoints }, (_, index) => {
    const t = spacing * (index + 1);
    const gaussian = Math.exp(-0.5 * t ** 2);
    const angles = affine(along, t, 0);
    const real = affine(mean(cos(angles), { axes: [0] }), 1, -gaussian);
    const imaginary = mean(sin(angles), { axes: [0] });
    const distance = mean(add(square(real), square(imaginary)));
    // Doubled for −t; the rule counts the ends by half. t = 0 adds nothing: both functions are 1 there.
    const isEnd = index === positivePoints - 1;
    return affine(distance, (isEnd ? 1 : 2) * spacing * gaussian * embeddings.shape[0]!, 0);
  });
  return terms.reduce((total, term) => add(total, term));
}
