import { affine, l2Normalize, mean, multiply, type Tensor } from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/**
 * How far predicted features are from a teacher's: the mean over all rows of 1 − cosine. AM-RADIO (Ranzinger et al.
 * 2023, arXiv 2312.06709) matches the features of whole pictures so, EVA (Fang et al. 2022, arXiv 2211.07636) those of
 * patches. No gradient flows to the teacher.
 *
 * @param predicted …×D: what the student makes of each row.
 * @param features The teacher's, of the same shape.
 * @returns A scalar from 0 to 2; 1 for directions at random.
 * @throws TypeError If the shapes differ, or there are no numbers.
 */
export function cosineDistance(predicted: Tensor, features: Tensor): Tensor {
  if (predicted.size === 0 || describeShape(predicted) !== describeShape(features)) {
    throw new TypeError(
      `cosineDistance: predicted is ${describeShape(predicted)} and features are ${describeShape(features)}; ` +
        "expected the same shape, …×D.",
    );
  }
  const products = multiply(l2Normalize(predicted), l2Normalize(features).detach());
  return affine(mean(products), -predicted.shape.at(-1)!, 1);
}
