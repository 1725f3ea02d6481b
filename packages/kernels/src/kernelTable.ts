/** What a kernel, or one item of its list, takes: the names of its buffers and of its numbers, in the native order. */
export interface KernelSignature<Buffers extends readonly string[], Numbers extends readonly string[]> {
  /** Buffers, outputs first; a trailing `?` means: may be null. */
  readonly buffers: Buffers;
  /** Numbers: sizes, strides, flags (0 or 1), codes, values. */
  readonly numbers: Numbers;
}

/** A kernel that also takes a list of items: `each` names what every item has. */
export interface ListKernelSignature<
  Buffers extends readonly string[],
  Numbers extends readonly string[],
  EachBuffers extends readonly string[],
  EachNumbers extends readonly string[],
> extends KernelSignature<Buffers, Numbers> {
  /** What every item of the list has. */
  readonly each: KernelSignature<EachBuffers, EachNumbers>;
}

function kernel<const Buffers extends readonly string[], const Numbers extends readonly string[]>(
  signature: KernelSignature<Buffers, Numbers>,
): KernelSignature<Buffers, Numbers> {
  return signature;
}

function listKernel<
  const Buffers extends readonly string[],
  const Numbers extends readonly string[],
  const EachBuffers extends readonly string[],
  const EachNumbers extends readonly string[],
>(
  signature: ListKernelSignature<Buffers, Numbers, EachBuffers, EachNumbers>,
): ListKernelSignature<Buffers, Numbers, EachBuffers, EachNumbers> {
  return signature;
}

/**
 * The one list of kernels: for each, the names of its buffers and numbers in the order in which the native side
 * reads them. `device.run(name, …)` is typed over this table; at load it is compared with the native registry.
 *
 * Conventions. All arrays are contiguous and row-major. Buffers hold the call's `dtype` (float32, or float64 with the
 * naive kernels) unless the comment says `i32` (int32) or `u8` (uint8). A name that ends in `?` may be null. Outputs
 * come first. An output may be the same buffer as an input only where the comment says "in place". `each` names what is
 * repeated once per item of a list (multi-tensor kernels). −1 among indices means none, as NaN does among fractions:
 * kernels that look for the largest write it, those that make figures of indices give NaN for it, those that fetch by
 * index report it.
 */
export const kernelTable = {
  // ── movement ────────────────────────────────────────────────────────────────────────────────────────────────
  /** output[i] = value. */
  fill: kernel({ buffers: ["output"], numbers: ["size", "value"] }),
  /** Copies `bytes` bytes, whatever they are. */
  copyBytes: kernel({ buffers: ["output", "input"], numbers: ["bytes"] }),
  /**
   * Copies `outer` blocks of `inner` elements: output[o·outputStride + outputOffset + i] = input[o·inputStride +
   * inputOffset + i]; slices and concatenation along any axis. `accumulate` 1 adds instead.
   */
  copyBlocks: kernel({
    buffers: ["output", "input"],
    numbers: ["outer", "inner", "outputStride", "outputOffset", "inputStride", "inputOffset", "accumulate"],
  }),
  /**
   * output = input with its axes permuted. Shapes are padded in front with 1 to rank 8: dimension0…7 are the OUTPUT
   * sizes, stride0…7 the INPUT's element strides in output order.
   */
  permute: kernel({
    buffers: ["output", "input"],
    numbers: [
      "dimension0",
      "dimension1",
      "dimension2",
      "dimension3",
      "dimension4",
      "dimension5",
      "dimension6",
      "dimension7",
      "stride0",
      "stride1",
      "stride2",
      "stride3",
      "stride4",
      "stride5",
      "stride6",
      "stride7",
    ],
  }),
  /**
   * Tokens by index: output[b,k,:] = input[b,indices[b,k],:], B×K×D. inputBatchStride in elements (0: one table for all
   * samples). indices i32 B×K; out of range is a device error.
   */
  gatherTokens: kernel({
    buffers: ["output", "input", "indices"],
    numbers: ["batch", "inputTokens", "outputTokens", "width", "inputBatchStride"],
  }),
  /**
   * The gradient of gatherTokens: output[b,indices[b,k],:] += input[b,k,:] (output holds `outputTokens` rows a sample;
   * outputBatchStride 0: all samples add to one table, in order of b then k). Caller zero-fills.
   */
  scatterAddTokens: kernel({
    buffers: ["output", "input", "indices"],
    numbers: ["batch", "outputTokens", "inputTokens", "width", "outputBatchStride"],
  }),
  /** output i32 = values of input i32 at `indices` i32, by rows: output[b,k] = input[b,indices[b,k]]. */
  gatherIntegers: kernel({
    buffers: ["output", "input", "indices"],
    numbers: ["batch", "inputColumns", "outputColumns"],
  }),

  // ── elementwise ─────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * output = a ∘ b with broadcasting, rank padded in front to 8; operation: see `binaryOperations`. Strides in
   * elements, 0 where broadcast. In place on a or b where that one is not broadcast.
   */
  binary: kernel({
    buffers: ["output", "a", "b"],
    numbers: [
      "operation",
      "dimension0",
      "dimension1",
      "dimension2",
      "dimension3",
      "dimension4",
      "dimension5",
      "dimension6",
      "dimension7",
      "aStride0",
      "aStride1",
      "aStride2",
      "aStride3",
      "aStride4",
      "aStride5",
      "aStride6",
      "aStride7",
      "bStride0",
      "bStride1",
      "bStride2",
      "bStride3",
      "bStride4",
      "bStride5",
      "bStride6",
      "bStride7",
    ],
  }),
  /** output = f(input); operation: see `unaryOperations`. In place. */
  unary: kernel({ buffers: ["output", "input"], numbers: ["operation", "size"] }),
  /**
   * inputGradient = outputGradient · f′(input); for the operations whose derivative needs the input. In place on
   * outputGradient.
   */
  unaryBackward: kernel({
    buffers: ["inputGradient", "outputGradient", "input"],
    numbers: ["operation", "size"],
  }),
  /** output = scale·input + offset. In place. */
  affine: kernel({ buffers: ["output", "input"], numbers: ["size", "scale", "offset"] }),
  /**
   * output[r,:] = input[r,:]·rowScale[r] (+ residual[r,:]). In place on input or residual. Drop path, masks, gradients
   * of norms.
   */
  scaleRows: kernel({ buffers: ["output", "input", "rowScale", "residual?"], numbers: ["rows", "columns"] }),
  /** output[r,c] = input[r,c]·columnScale[c] (+ residual[r,c]): layer scale. In place on input or residual. */
  scaleColumns: kernel({
    buffers: ["output", "input", "columnScale", "residual?"],
    numbers: ["rows", "columns"],
  }),

  // ── reductions (fixed order, whatever the thread count) ─────────────────────────────────────────────────────
  /**
   * output[o,i] = scale · reduction over r of input[o,r,i]; operation 0 sum, 1 max, 2 min. accumulate 1 adds the result
   * to output (sum only).
   */
  reduce: kernel({
    buffers: ["output", "input"],
    numbers: ["operation", "outer", "reduced", "inner", "scale", "accumulate"],
  }),
  /** output[c] (+)= Σ_r a[r,c]·b[r,c]; the gradient of a column scale. b null: column sums (bias gradients). */
  reduceRows: kernel({ buffers: ["output", "a", "b?"], numbers: ["rows", "columns", "accumulate"] }),
  /** output[r] = Σ_c a[r,c]·b[r,c]. */
  dotRows: kernel({ buffers: ["output", "a", "b"], numbers: ["rows", "columns"] }),
  /** output i32 [r] = the first c with the largest input[r,c]; −1 (none) where the row holds a NaN. */
  argmaxRows: kernel({ buffers: ["output", "input"], numbers: ["rows", "columns"] }),
  /** The k largest of each row in falling order, ties by lower column: values[r,k], indices i32 [r,k]. */
  topK: kernel({ buffers: ["values", "indices", "input"], numbers: ["rows", "columns", "k"] }),
  /**
   * counts (dtype) [v] += how often v stands in input i32; all counts are NaN if a −1 (none) is among them. Out of
   * range is a device error.
   */
  binCount: kernel({ buffers: ["counts", "input"], numbers: ["size", "bins"] }),
  /**
   * output (dtype, 1 element) = share of positions at which a i32 and b i32 are equal; NaN if there are none or a −1
   * (none) is among them.
   */
  equalShare: kernel({ buffers: ["output", "a", "b"], numbers: ["size"] }),

  // ── products ────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * output[z] = beta·output[z] + epilogue(alpha · op(a[z])·op(b[z])), M×N, K inner, z < batch. With transposeA the
   * memory of a is K×M, with transposeB that of b is N×K. Strides in elements: leading (row) and batch.
   * activation: exact GELU of the elements of a (1) or b (2) is multiplied, which no memory ever holds; 0 none.
   * Epilogue, in this order: + bias[n]; · GELU′(preActivation), if given; + residual.
   * residual and preActivation have the output's layout. beta ≠ 0 only without an epilogue (bias, residual,
   * preActivation).
   * precision: 0 float32; 1 bfloat16, where the elements of a and b are rounded to bfloat16 first (nearest, ties to
   * even; below 2⁻¹²⁶ zero) and all
   * else, sums included, stays float32. Instruction sets agree to the last bit on such a product where alpha is 1,
   * there is no activation, and no product or sum falls below 2⁻¹²⁶ or beyond 2¹²⁸.
   */
  gemm: kernel({
    buffers: ["output", "a", "b", "bias?", "residual?", "preActivation?"],
    numbers: [
      "m",
      "n",
      "k",
      "batch",
      "transposeA",
      "transposeB",
      "alpha",
      "beta",
      "activation",
      "aLeading",
      "bLeading",
      "outputLeading",
      "aBatchStride",
      "bBatchStride",
      "outputBatchStride",
      "precision",
    ],
  }),
  /**
   * output i32 [m] = the first n with the largest a[m,:]·b[n,:] + bias[n], −1 (none) where that is NaN or infinite;
   * best (dtype) [m], if given, that value. The M×N product is never written.
   */
  gemmArgmax: kernel({ buffers: ["output", "best?", "a", "b", "bias?"], numbers: ["m", "n", "k"] }),

  // ── attention: packed qkv B×N×3×H×d (timm's layout), output B×N×H×d; the N×N matrix is never in memory ─────
  /** output = softmax(scale·q·kᵀ)·v for each head; logSumExp B×H×N is kept for the backward pass. */
  attention: kernel({
    buffers: ["output", "logSumExp", "qkv"],
    numbers: ["batch", "tokens", "heads", "headWidth", "scale"],
  }),
  /** qkvGradient (layout of qkv) from outputGradient, with logSumExp of the forward pass. */
  attentionBackward: kernel({
    buffers: ["qkvGradient", "outputGradient", "qkv", "logSumExp"],
    numbers: ["batch", "tokens", "heads", "headWidth", "scale"],
  }),
  /** probabilities B×H×N×N of the same attention, for pictures and tests. */
  attentionProbabilities: kernel({
    buffers: ["probabilities", "qkv"],
    numbers: ["batch", "tokens", "heads", "headWidth", "scale"],
  }),

  // ── normalisation ───────────────────────────────────────────────────────────────────────────────────────────
  /**
   * output = (input − mean)·rstd·weight + bias over each row; rstd = 1/√(variance + epsilon), biased variance. mean,
   * rstd [rows]. weight and bias null: 1 and 0.
   */
  layerNorm: kernel({
    buffers: ["output", "mean", "rstd", "input", "weight?", "bias?"],
    numbers: ["rows", "columns", "epsilon"],
  }),
  /** All gradients of layerNorm; weightGradient and biasGradient [columns] are overwritten. */
  layerNormBackward: kernel({
    buffers: [
      "inputGradient",
      "weightGradient?",
      "biasGradient?",
      "outputGradient",
      "input",
      "mean",
      "rstd",
      "weight?",
    ],
    numbers: ["rows", "columns"],
  }),
  /** output = input / max(‖input‖₂, epsilon) by rows; norms [rows] = that denominator. */
  l2Normalize: kernel({ buffers: ["output", "norms", "input"], numbers: ["rows", "columns", "epsilon"] }),
  /** inputGradient = (g − y·(g·y)) / norm, y the normalised rows (where the norm was below epsilon: g / epsilon). */
  l2NormalizeBackward: kernel({
    buffers: ["inputGradient", "outputGradient", "output", "norms"],
    numbers: ["rows", "columns", "epsilon"],
  }),
  /** Softmax of each row, stable; logarithm 1: log-softmax. In place. */
  softmax: kernel({ buffers: ["output", "input"], numbers: ["rows", "columns", "logarithm"] }),
  /**
   * Gradient of softmax (logarithm 0: y·(g − Σ g·y)) or of log-softmax (g − exp(y)·Σ g). In place on outputGradient.
   */
  softmaxBackward: kernel({
    buffers: ["inputGradient", "outputGradient", "output"],
    numbers: ["rows", "columns", "logarithm"],
  }),

  // ── losses ──────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * Per row: losses[r] = logSumExp(logits[r]) − Σ_c q[c]·logits[r,c] with q = (1−smoothing)·onehot(targets i32[r]) +
   * smoothing/columns. gradient, if given (in place on logits): (softmax − q)·gradientScale. excludeDiagonal ≥ 0:
   * column r + excludeDiagonal of row r is left out (as −∞; its gradient is 0; smoothing spreads over the others). A
   * target of −1 (none) makes the row's loss and gradient NaN; others out of range are a device error.
   */
  crossEntropy: kernel({
    buffers: ["losses", "gradient?", "logits", "targets"],
    numbers: ["rows", "columns", "smoothing", "gradientScale", "excludeDiagonal"],
  }),
  /**
   * Per row: losses[r] = −Σ_c q[c]·logSoftmax(logits[r])[c] with q = (1−smoothing)·targets[r] + smoothing/columns;
   * columns with q = 0 cost nothing, whatever their logits.
   * gradient, if given (in place on logits): (Σq·softmax − q)·gradientScale.
   */
  softCrossEntropy: kernel({
    buffers: ["losses", "gradient?", "logits", "targets"],
    numbers: ["rows", "columns", "smoothing", "gradientScale"],
  }),

  // ── random: Philox 4×32-10, key (low word of seed, purpose), counter (element / 4, sample, step, high word of seed)
  // ──
  /**
   * distribution 0 uniform [a, b), 1 normal (mean a, std b), 2 normal (mean a, std b) cut to [low, high] (inverse CDF),
   * 3 Bernoulli: b with probability a, else 0. One word an element: uniform numbers have its upper 24 bits, normal ones
   * come by the inverse CDF; float64 holds the same draws, float32 their rounding.
   */
  random: kernel({
    buffers: ["output"],
    numbers: ["size", "distribution", "a", "b", "low", "high", "seed", "purpose", "step", "sample"],
  }),
  /**
   * Splits of B images' patches (rows×columns grid) in two disjoint halves or quarters. first, second i32 B×K with K =
   * visible patches a
   * branch, rising; firstHidden, secondHidden i32 B×(N−K): the complement of each, rising. mode 0: BEiT's block mask
   * (minimumBlock, maximumBlock patches a block, aspect ≥ minimumAspect, log-uniform) topped up with uniformly drawn
   * patches to
   * exactly K; first = masked places, second K of the rest (all of it when K = N/2). mode 1: uniform; first and second
   * are two disjoint sets of K.
   * Sample b uses counter (·, sample0 + b, step).
   */
  splitMasks: kernel({
    buffers: ["first", "second", "firstHidden", "secondHidden"],
    numbers: [
      "batch",
      "rows",
      "columns",
      "visible",
      "mode",
      "minimumBlock",
      "maximumBlock",
      "minimumAspect",
      "seed",
      "purpose",
      "step",
      "sample0",
    ],
  }),

  // ── optimisers (all parameters in one call) ─────────────────────────────────────────────────────────────────
  /**
   * output[0] = √Σ‖gradient‖² over the list; output[1] = min(1, maximum / (output[0] + 1e-6)) (1 if maximum is 0: no
   * clipping).
   */
  gradientNorm: listKernel({
    buffers: ["output"],
    numbers: ["maximum"],
    each: { buffers: ["gradient"], numbers: ["size"] },
  }),
  /**
   * AdamW (decoupled decay, bias correction by each item's `step` ≥ 1, eps outside the root as in PyTorch). scale?, 1
   * element: factor on all gradients (at offset 1 of gradientNorm's output).
   */
  adamW: listKernel({
    buffers: ["scale?"],
    numbers: ["beta1", "beta2", "epsilon"],
    each: {
      buffers: ["parameter", "gradient", "firstMoment", "secondMoment"],
      numbers: ["size", "learningRate", "weightDecay", "step"],
    },
  }),
  /**
   * SGD with momentum as in PyTorch (dampening 0; decay added to the gradient); momentum buffer zeros before a
   * parameter's first step, null when momentum is 0.
   */
  sgd: listKernel({
    buffers: ["scale?"],
    numbers: ["momentum", "nesterov"],
    each: {
      buffers: ["parameter", "gradient", "momentumBuffer?"],
      numbers: ["size", "learningRate", "weightDecay"],
    },
  }),
  /**
   * LARS (You et al. 2017): where `adapt` is 1, (gradient + weightDecay·parameter) · trustCoefficient·‖parameter‖ /
   * (‖gradient‖ + weightDecay·‖parameter‖ + epsilon), the factor being 1 if either
   * norm is 0; where it is 0, without the factor. Then momentum and the step as in sgd; norms are of the scaled
   * gradient.
   */
  lars: listKernel({
    buffers: ["scale?"],
    numbers: ["momentum", "nesterov", "trustCoefficient", "epsilon"],
    each: {
      buffers: ["parameter", "gradient", "momentumBuffer?"],
      numbers: ["size", "learningRate", "weightDecay", "adapt"],
    },
  }),
  /**
   * Each gradient of the list by itself, in place: times min(1, maximum / (‖gradient‖ + 1e-6)) (as it is if maximum is
   * 0). output[0] = √Σ‖gradient‖² before.
   */
  clipGradients: listKernel({
    buffers: ["output"],
    numbers: ["maximum"],
    each: { buffers: ["gradient"], numbers: ["size"] },
  }),
  /** average ← average + weight·(value − average), as torch.lerp rounds it: weight 1 copies, bit for bit. */
  moveAverages: listKernel({
    buffers: [],
    numbers: ["weight"],
    each: { buffers: ["average", "value"], numbers: ["size"] },
  }),

  // ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * One batch: for each picture (u8 H×W×C in its own buffer) resize the box [cropY, cropX, cropHeight, cropWidth]
   * (fractions of a pixel allowed) to
   * outputHeight×outputWidth (filter 0 bicubic a = −0.5, 1 bilinear), flip, apply `operations` rows of the operations
   * buffer from row `firstOperation` on, and
   * (value/255 − mean[c])/std[c]. output B×C×H×W; normalization FLOAT64 [2C]: means, then stds; operations FLOAT64
   * [operationRows×16] (see
   * native/pictureOperations.h), may be null when there are no rows.
   *
   * Antialiased, first along rows, then along columns, as Pillow's resize(box=…): taps may lie outside of the box,
   * inside the picture; with `confined` 1 the
   * box is cut out first, as torchvision does. Each pass clips to [0, 255] as Pillow's 8-bit passes do, but keeps
   * fractions; a picture with operations is rounded
   * to 8 bits before them.
   */
  augmentImages: listKernel({
    buffers: ["output", "normalization", "operations?"],
    numbers: ["outputHeight", "outputWidth", "channels", "operationRows"],
    each: {
      buffers: ["picture"],
      numbers: [
        "height",
        "width",
        "cropY",
        "cropX",
        "cropHeight",
        "cropWidth",
        "filter",
        "confined",
        "horizontalFlip",
        "verticalFlip",
        "firstOperation",
        "operations",
      ],
    },
  }),
  /**
   * mixup and CutMix of a batch B×C×H×W: output[i] = lambda·input[i] + (1 − lambda)·input[partner]; where `rows` is
   * above 0 instead input[i] with the box
   * [top, left, rows, columns] of input[partner] pasted in.
   */
  mixImages: listKernel({
    buffers: ["output", "input"],
    numbers: ["channels", "height", "width"],
    each: { buffers: [], numbers: ["partner", "lambda", "top", "left", "rows", "columns"] },
  }),
  /**
   * output[i,:] (B×classes) = lambda·q(labels[i]) + (1 − lambda)·q(labels[partner]), q(y) = (1 − smoothing)·onehot(y) +
   * smoothing/classes; labels i32 [B].
   */
  mixTargets: listKernel({
    buffers: ["output", "labels"],
    numbers: ["classes", "smoothing"],
    each: { buffers: [], numbers: ["partner", "lambda"] },
  }),
  /**
   * output[c] += Σ value/255, output[C+c] += Σ (value/255)² over all pixels of the u8 pictures H×W×C; output has 2C
   * elements of FLOAT64 whatever the dtype.
   */
  channelMoments: listKernel({
    buffers: ["output"],
    numbers: ["channels"],
    each: { buffers: ["picture"], numbers: ["height", "width"] },
  }),
  /**
   * The matrix outputSize×inputSize (rows sum to 1) of bicubic (a = −0.5 antialiased; a = −0.75 else, as PyTorch's)
   * interpolation with half-pixel centres.
   */
  interpolationMatrix: kernel({ buffers: ["output"], numbers: ["outputSize", "inputSize", "antialias"] }),

  // ── limits: what the machine can do at most, measured as any kernel is (see `measureLimits`) ──────────────────
  /**
   * output[t] = Σ of 256 numbers that start as chain / 256 and each become x·scale + offset, `steps` times, in
   * registers: 512·steps operations a task.
   */
  multiplyAdds: kernel({ buffers: ["output"], numbers: ["tasks", "steps", "scale", "offset"] }),
  /**
   * output[t] = Σ of 256 numbers that start as chain / 256 and to each of which factor·factor is added twice a step, in
   * registers and with the bfloat16 dot
   * instruction where the set has it: 1024·steps operations a task. factor: a value that bfloat16 holds.
   */
  bfloat16Dots: kernel({ buffers: ["output"], numbers: ["tasks", "steps", "factor"] }),

  // ── tokenizers, neighbours ──────────────────────────────────────────────────────────────────────────────────
  /**
   * sums[k,:] = Σ of rows of pointsArray with assignment k, counts[k] = how many (dtype); assignments i32. Overwrites;
   * `accumulate` 1 adds.
   */
  segmentSums: kernel({
    buffers: ["sums", "counts", "pointsArray", "assignments"],
    numbers: ["points", "width", "segments", "accumulate"],
  }),
  /**
   * k-means++ (Arthur and Vassilvitskii 2007): chooses centroids `from` … `to`−1 (K×width) from points, each with
   * probability ∝ distances [points], the squared
   * distance to the nearest centroid so far (kept between calls; from = 0 starts it). Uses Philox counter (·,
   * centroid).
   */
  kMeansSeed: kernel({
    buffers: ["centroids", "distances", "pointsArray"],
    numbers: ["points", "width", "from", "to", "seed", "purpose"],
  }),
  /**
   * centroids[k] = sums[k] / counts[k] where counts[k] > 0, else unchanged; shift (1 element) = the largest squared
   * move.
   */
  kMeansUpdate: kernel({ buffers: ["centroids", "shift", "sums", "counts"], numbers: ["segments", "width"] }),
  /**
   * scores[r,c] = Σ over j with labels[indices[r,j]] = c of exp((values[r,j] − max of values[r,:])/temperature); values
   * [rows×k], indices i32, labels i32 [labelCount].
   */
  neighbourVotes: kernel({
    buffers: ["scores", "values", "indices", "labels"],
    numbers: ["rows", "k", "classes", "labelCount", "temperature"],
  }),
};

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
} as const;

/**
 * Codes of the `unary` and `unaryBackward` kernels. In float32, on every instruction set, the largest error against
 * float64 over all floats, in units in the last
 * place (ULP; held by a test): exp 1, log 1, erf 1.5, tanh 1.5, rsqrt 1.5; sqrt and reciprocal 0.5. gelu 2.5 above −1,
 * below 1.5·2⁻²⁴ in absolute terms; its derivative
 * 2.5·2⁻²⁴. Subnormal numbers are kept.
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
} as const;

/** The element types of device buffers. */
export type DType = "float32" | "float64" | "int32" | "uint8";
