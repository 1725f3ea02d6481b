import {
  add,
  affine,
  concatenate,
  crossEntropy,
  l2Normalize,
  matmul,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/** Options of `matchLoss`. */
export interface MatchLossOptions {
  /** τ of Eq. 2. Default 0.2, the paper's. */
  readonly temperature?: number;
  /**
   * Divide each descriptor by its Euclidean length first, so that products are cosines. Default true: the paper's
   * temperature is MoCo v3's, which normalizes; Eq. 2
   * itself shows plain products.
   */
  readonly normalize?: boolean;
  /**
   * Which descriptors count as negatives: `"other"`, the other branch of the other N − 1 images (MoCo v3's form), or
   * `"both"`, both branches of the other images,
   * 2N − 2 (SimCLR's form). Default `"other"`.
   */
  readonly negatives?: "other" | "both";
}

/**
 * The matching loss, InfoNCE (arXiv 2112.10740, Eq. 2): each branch's global descriptor should find the other branch of
 * its own image among those of the other
 * images. ℓ(a) = −log( exp(a·b/τ) / (exp(a·b/τ) + Σ exp(a·negative/τ)) ), averaged over the N images and over both
 * directions.
 *
 * @param first N×D: descriptors of the first branch.
 * @param second N×D: descriptors of the second branch, row n of the same image as row n of `first`.
 * @returns The mean loss in nats, a scalar; about ln(1 + negatives) for descriptors that know nothing.
 * @throws TypeError If the shapes differ. RangeError if there are fewer than two images (no negatives) or the
 *   temperature is not positive.
 */
export function matchLoss(first: Tensor, second: Tensor, options: MatchLossOptions = {}): Tensor {
  const { temperature = 0.2, normalize = true, negatives = "other" } = options;
  const [images, width] = first.shape;
  if (
    first.shape.length !== 2 ||
    second.shape.length !== 2 ||
    images !== second.shape[0] ||
    width !== second.shape[1]
  ) {
    throw new TypeError(
      `matchLoss: first is ${describeShape(first)} and second is ${describeShape(second)}; ` +
        "expected two N×D tensors of the same shape, one descriptor a row.",
    );
  }
  if (images! < 2) {
    throw new RangeError(
      `matchLoss: the batch has ${images} image(s), so there are no negatives. ` +
        "Use a batch of at least 2, or switch the match loss off (weight 0).",
    );
  }
  // Beyond float32 the similarities over τ would be 0·∞.
  if (!(temperature > 0) || !Number.isFinite(Math.fround(1 / temperature))) {
    throw new RangeError(
      `matchLoss: the temperature is ${temperature}; expected a positive number, e.g. 0.2. Below 3e-39 float32 ` +
        "cannot divide by it.",
    );
  }
  const a = normalize ? l2Normalize(first) : first;
  const b = normalize ? l2Normalize(second) : second;
  const alpha = 1 / temperature;
  const n = images!;
  if (negatives === "both") {
    const all = concatenate([a, b], 0);
    const similarity = matmul(all, all, { transposeB: true, alpha });
    // Row i pairs with row i + N (mod 2N); a descriptor is no negative of itself.
    return crossEntropy(similarity, rows(first, 2 * n, n), { excludeDiagonal: 0 });
  }
  const positives = rows(first, n, 0);
  const forward = crossEntropy(matmul(a, b, { transposeB: true, alpha }), positives);
  const backward = crossEntropy(matmul(b, a, { transposeB: true, alpha }), positives);
  return affine(add(forward, backward), 0.5, 0);
}

/** int32 targets (row + shift) mod count. */
function rows(like: Tensor, count: number, shift: number): Tensor {
  const targets = Int32Array.from({ length: count }, (_, row) => (row + shift) % count);
  return tensor(like.device, targets, [count], { dtype: "int32" });
}
