import { affine, l2Normalize, matmul, mean, reshape, subtract, type Tensor } from "@splitmask/autograd";

/**
 * What happens to the pixels of a patch before it is compared with the words. The paper does not say; with pixels in
 * [0, 1] the brightness of a patch dominates every product, so the default keeps them in [−1, 1].
 */
export interface PatchTransformOptions {
  /** `"symmetric"` keeps pixels in [−1, 1] (default), `"unit"` maps them to [0, 1]. */
  readonly pixelRange?: "symmetric" | "unit";
  /**
   * What is subtracted: `"none"` (default); `"patch"`, each patch's own mean over all its 3·P² values, so that
   * brightness does not matter; `"mean"`, the mean patch of the data.
   */
  readonly center?: "none" | "patch" | "mean";
}

/** A patch transform with everything resolved. */
export interface PatchTransform {
  /** The range that pixels are mapped to. */
  readonly pixelRange: "symmetric" | "unit";
  /** What is subtracted. */
  readonly center: "none" | "patch" | "mean";
  /** 3·P²: the mean patch in units of `pixelRange`; null unless `center` is `"mean"`. */
  readonly mean: Tensor | null;
}

/** Scale and offset that take pixels in [−1, 1] to the range. */
function rangeNumbers(range: "symmetric" | "unit"): { scale: number; offset: number } {
  return range === "unit" ? { scale: 0.5, offset: 0.5 } : { scale: 1, offset: 0 };
}

/** Resolves the options; `patches` (M×d, pixels in [−1, 1]) are asked for their mean if one is wanted. */
export function resolveTransform(options: PatchTransformOptions, patches: Tensor | null): PatchTransform {
  const { pixelRange = "symmetric", center = "none" } = options;
  if (!["symmetric", "unit"].includes(pixelRange)) {
    throw new RangeError(`tokenizer: pixelRange is "${pixelRange}"; expected "symmetric" or "unit".`);
  }
  if (!["none", "patch", "mean"].includes(center)) {
    throw new RangeError(`tokenizer: center is "${center}"; expected "none", "patch" or "mean".`);
  }
  if (center !== "mean") return { pixelRange, center, mean: null };
  if (patches === null) {
    throw new TypeError(
      'tokenizer: center is "mean", but there are no patches to take the mean of. ' +
        'Pass { mean: a tensor of 3·P² values }, or choose center "patch" or "none".',
    );
  }
  const { scale, offset } = rangeNumbers(pixelRange);
  return { pixelRange, center, mean: affine(mean(patches, { axes: [0] }), scale, offset) };
}

/** Patches (M×d, pixels in [−1, 1]) as the words see them: mapped to the range and centered. */
export function transformPatches(patches: Tensor, transform: PatchTransform): Tensor {
  const { scale, offset } = rangeNumbers(transform.pixelRange);
  const ranged = transform.pixelRange === "symmetric" ? patches : affine(patches, scale, offset);
  if (transform.center === "patch") {
    return subtract(ranged, mean(ranged, { axes: [1], keepDimensions: true }));
  }
  return transform.mean === null ? ranged : subtract(ranged, transform.mean);
}

/**
 * Folds the transform into the words, so that raw pixels need one product only: argmax over v of transform(x)·e_v =
 * argmax of x·weight_v + bias_v. With the range s·x + o and the subtracted m: (s·x + o − m)·e = s·(x·e + ((o −
 * m)/s)·e), and x − x̄ against e is x against e − ē.
 */
export function foldTransform(
  codebook: Tensor,
  transform: PatchTransform,
): { weight: Tensor; bias: Tensor | null } {
  const { scale, offset } = rangeNumbers(transform.pixelRange);
  if (transform.center === "patch") {
    return { weight: subtract(codebook, mean(codebook, { axes: [1], keepDimensions: true })), bias: null };
  }
  const [words, width] = codebook.shape as readonly [number, number];
  if (transform.mean !== null) {
    const shift = affine(transform.mean, -1 / scale, offset / scale);
    return { weight: codebook, bias: reshape(matmul(codebook, reshape(shift, [width, 1])), [words]) };
  }
  if (offset === 0) return { weight: codebook, bias: null };
  const ratio = (width * offset) / scale;
  return { weight: codebook, bias: affine(mean(codebook, { axes: [1] }), ratio, 0) };
}

/** Transformed patches at unit length. */
export function directions(patches: Tensor, transform: PatchTransform): Tensor {
  return l2Normalize(transformPatches(patches, transform));
}
