import { affine, crossEntropy, l2Normalize, matmul, type Tensor, tensor } from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/**
 * The contrastive loss of MoCo v3 (Chen et al. 2021, arXiv 2104.02057, algorithm 1), one of its two directions: each
 * picture's query should find its own key among those of the batch. 2τ times the cross-entropy of the cosine
 * similarities divided by τ. No gradient flows to the keys.
 *
 * @param queries B×D.
 * @param keys B×D, row b of the same picture as row b of `queries`.
 * @param temperature τ. Default 0.2.
 * @returns A scalar; 2τ·ln B for vectors that know nothing (all similarities equal).
 * @throws TypeError If the shapes differ. RangeError if the temperature is not positive.
 */
export function contrastiveLoss(queries: Tensor, keys: Tensor, temperature = 0.2): Tensor {
  if (queries.rank !== 2 || describeShape(queries) !== describeShape(keys)) {
    throw new TypeError(
      `contrastiveLoss: queries are ${describeShape(queries)} and keys are ${describeShape(keys)}; ` +
        "expected two B×D tensors of the same shape, one picture a row.",
    );
  }
  if (!(temperature > 0)) {
    throw new RangeError(
      `contrastiveLoss: the temperature is ${temperature}; expected a positive number, e.g. 0.2.`,
    );
  }
  const pictures = queries.shape[0]!;
  const cosines = matmul(l2Normalize(queries), l2Normalize(keys.detach()), {
    ...{ transposeB: true, alpha: 1 / temperature },
  });
  const own = tensor(
    queries.device,
    Int32Array.from({ length: pictures }, (_, picture) => picture),
  );
  return affine(crossEntropy(cosines, own), 2 * temperature, 0);
}
