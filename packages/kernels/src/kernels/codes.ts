/**
 * Numbers that stand for names, and other constants that callers and kernels share. For C++ they become enumerations
 * (`UnaryOperation::gelu`) and constants in `native/generated/codes.h`.
 */

/** Codes of the `binary` kernel. */
export const binaryOperations = {
  /** a + b */
  add: 0,
  /** a − b */
  subtract: 1,
  /** a·b */
  multiply: 2,
  /** a / b */
  divide: 3,
  /** The larger of both. */
  maximum: 4,
  /** The smaller of both. */
  minimum: 5,
  /** aᵇ; as C's pow for zeros, negative bases, infinities and NaN. In float32 within 1 ULP. */
  power: 6,
} as const;

/** Codes of the `binaryBackward` kernel: which operation's derivative, with respect to which operand. */
export const binaryDerivatives = {
  /** Of the larger with respect to a: 1 where a > b or one is NaN, ½ where both are equal, else 0. */
  maximum: 0,
  /** Of the smaller with respect to a. */
  minimum: 1,
  /** Of aᵇ with respect to a: b·aᵇ⁻¹, 0 where b is 0. */
  base: 2,
  /** Of aᵇ with respect to b: aᵇ·ln a, 0 where a is 0 and b ≥ 0. */
  exponent: 3,
} as const;

/** Codes of the `compare` kernel. With a NaN only `notEqual` is true. */
export const comparisons = {
  /** a = b */
  equal: 0,
  /** a ≠ b */
  notEqual: 1,
  /** a < b */
  less: 2,
  /** a ≤ b */
  lessEqual: 3,
  /** a > b */
  greater: 4,
  /** a ≥ b */
  greaterEqual: 5,
} as const;

/**
 * Codes of the `unary` and `unaryBackward` kernels. In float32, on every instruction set, the largest error against
 * float64 over all floats, in units in the last place (ULP; held by a test): exp 1, log 1, erf 1.5, tanh 1.5, rsqrt
 * 1.5, expm1 1.6, log1p and softplus 2; sqrt and reciprocal 0.5. gelu 2.5 above −1, below 1.5·2⁻²⁴ in absolute terms;
 * its derivative 2.5·2⁻²⁴. sin and cos 2·2⁻²⁴ in absolute terms up to |x| = 4096, beyond that less exact. Subnormal
 * numbers are kept.
 */
export const unaryOperations = {
  /** −x */
  negate: 0,
  /** eˣ */
  exp: 1,
  /** ln x */
  log: 2,
  /** √x */
  sqrt: 3,
  /** 1/√x */
  rsqrt: 4,
  /** x² */
  square: 5,
  /** 1/x */
  reciprocal: 6,
  /** The hyperbolic tangent. */
  tanh: 7,
  /** 1/(1 + e⁻ˣ) */
  sigmoid: 8,
  /** max(x, 0) */
  relu: 9,
  /** x·Φ(x), exact (by erf). */
  gelu: 10,
  /** |x| */
  absolute: 11,
  /** x·ln x with 0 at 0. */
  xLogX: 12,
  /** The error function, 2/√π·∫₀ˣ e^(−t²) dt. */
  erf: 13,
  /** The sine, x in radians. */
  sin: 14,
  /** The cosine, x in radians. */
  cos: 15,
  /** −1, 0 or 1; 0 for NaN. */
  sign: 16,
  /** The largest integer that is not above x. */
  floor: 17,
  /** The smallest integer that is not below x. */
  ceil: 18,
  /** The nearest integer, ties to the even one. */
  round: 19,
  /** The integer part. */
  trunc: 20,
  /** eˣ − 1, exact near 0. */
  expm1: 21,
  /** ln(1 + x), exact near 0. */
  log1p: 22,
  /** ln(1 + eˣ) */
  softplus: 23,
  /** x/(1 + e⁻ˣ) */
  silu: 24,
} as const;

/** Codes of the `reduce` kernel. */
export const reductions = {
  /** The sum of all. */
  sum: 0,
  /** The largest. */
  maximum: 1,
  /** The smallest. */
  minimum: 2,
} as const;

/** Of which operand of `gemm` the exact GELU is multiplied. */
export const activatedOperands = {
  /** Of none: both are multiplied as they are. */
  none: 0,
  /** Of the first. */
  a: 1,
  /** Of the second. */
  b: 2,
} as const;

/** What the elements of the operands of `gemm` are rounded to before they are multiplied; sums are float32. */
export const productPrecisions = {
  /** Not rounded. */
  float32: 0,
  /** To the nearest, ties to even; below 2⁻¹²⁶ zero. */
  bfloat16: 1,
} as const;

/** What the elements of a packed weight are (`packWeights`). */
export const weightFormats = {
  /** Not rounded. */
  float32: 0,
  /** Rounded to the nearest, ties to even; below 2⁻¹²⁶ zero. */
  bfloat16: 1,
  /** Integers −127 … 127, and a float32 scale for each row of the weight. */
  int8: 2,
} as const;

/** Rows of a weight (columns of the product) that `packWeights` packs together, as a panel. */
export const packedColumns = 32;

/** What `gemmPacked` does to the sums before the residual is added. */
export const outputActivations = {
  /** Nothing. */
  none: 0,
  /** Exact GELU. */
  gelu: 1,
} as const;

/** What a convolution does to its sums. */
export const convolutionActivations = {
  /** Nothing. */
  none: 0,
  /** max(x, 0) */
  relu: 1,
} as const;

/** The element type of a buffer, where each call chooses it. */
export const elementTypes = {
  /** The call's dtype. */
  dtype: 0,
  /** bfloat16. */
  bfloat16: 1,
} as const;

/** The same of the kernels that take every element type. */
export const anyElementTypes = {
  ...elementTypes,
  /** float32, also in a call whose dtype is float64. */
  float32: 2,
  /** int32. */
  int32: 3,
  /** uint8. */
  uint8: 4,
} as const;

/** Codes of the `random` kernel. */
export const distributions = {
  /** Uniform in [a, b). */
  uniform: 0,
  /** Normal with mean a and standard deviation b. */
  normal: 1,
  /** The same cut to [low, high], by the inverse of its distribution function. */
  truncatedNormal: 2,
  /** b with probability a, else 0. */
  bernoulli: 3,
} as const;

/** How `splitMasks` draws. */
export const splitModes = {
  /** BEiT's blocks, topped up to the exact size. */
  block: 0,
  /** Uniform sets. */
  uniform: 1,
} as const;

/** How values between pixels are found; resizing has the first two. */
export const pictureFilters = {
  /** Bicubic: a = −0.5 for resizing, −1 for affine transforms, as Pillow. */
  bicubic: 0,
  /** Bilinear. */
  bilinear: 1,
  /** The nearest pixel. */
  nearest: 2,
} as const;

/** Operations on pictures, and the numbers that follow the code in a row of the `operations` buffer. */
export const pictureOperations = {
  /** factor */
  brightness: 0,
  /** factor */
  contrast: 1,
  /** factor */
  saturation: 2,
  /** Turn in 1/256 of Pillow's hue, a whole number from 0 to 255. */
  hue: 3,
  /** No numbers. */
  grayscale: 4,
  /** threshold */
  solarize: 5,
  /** added, threshold */
  solarizeAdd: 6,
  /** Bits that are kept, 0 to 8. */
  posterize: 7,
  /** No numbers. */
  invert: 8,
  /** No numbers. */
  autoContrast: 9,
  /** No numbers. */
  equalize: 10,
  /** factor */
  sharpness: 11,
  /** Kernel size (odd, at most `mostBlurTaps`), sigma in pixels. */
  gaussianBlur: 12,
  /**
   * a, b, c, d, e, f of x' = ax + by + c, y' = dx + ey + f; filter (`pictureFilters`); how many colors are given; up to
   * 7 of them.
   */
  affine: 13,
  /** After normalization: top, left, rows, columns, mode (`eraseModes`), two random words. */
  erase: 14,
} as const;

/** Numbers of a row of the `operations` buffer: the code, then what the operation takes. */
export const pictureOperationNumbers = 16;

/** The largest kernel size of a Gaussian blur. */
export const mostBlurTaps = 127;

/** What the `erase` operation writes. */
export const eraseModes = {
  /** Zeros. */
  zeros: 0,
  /** One normal number a channel. */
  numberPerChannel: 1,
  /** One normal number a value. */
  numberPerValue: 2,
} as const;
