import { activatedOperands, elementTypes, productPrecisions } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { changed, matrices } from "./extents.js";

const outputOf = (n: NumbersOf<"m" | "n" | "outputLeading" | "batch" | "outputBatchStride">): number =>
  matrices(n.m, n.n, n.outputLeading, n.batch, n.outputBatchStride);
const outputElements = (n: NumbersOf<"m" | "n" | "batch">): number => n.batch * n.m * n.n;

const denseOutput = (n: NumbersOf<"m" | "n">): number => n.m * n.n;

/** Matrix products. */
export const products = {
  /**
   * output[z] = beta·output[z] + epilogue(alpha · op(a[z])·op(b[z])), M×N, K inner, z < batch. With transposeA the
   * memory of a is K×M, with transposeB that of b is N×K. Strides in elements: leading (row) and batch.
   * activation: exact GELU of the elements of one operand is multiplied, which no memory ever holds.
   * Epilogue, in this order: + bias[n]; · GELU′(preActivation), if given; + residual.
   * residual and preActivation have the output's layout. beta ≠ 0 only without an epilogue (bias, residual,
   * preActivation).
   * precision: with bfloat16 the elements of a and b are rounded first and all else, sums included, stays float32.
   * Instruction sets agree to the last bit on such a product where alpha is 1, there is no activation, and no product
   * or sum falls below 2⁻¹²⁶ or beyond 2¹²⁸.
   */
  gemm: defineKernel({
    integers: [
      "m",
      "n",
      "k",
      "batch",
      "transposeA",
      "transposeB",
      "activation",
      "aLeading",
      "bLeading",
      "outputLeading",
      "aBatchStride",
      "bBatchStride",
      "outputBatchStride",
      "precision",
    ],
    values: ["alpha", "beta"],
    codes: { activation: activatedOperands, precision: productPrecisions },
    buffers: {
      output: {
        output: true,
        extent: outputOf,
        traffic: (n) => changed(n.beta, outputElements(n)),
        checked: (n) =>
          n.outputBatchStride === n.m * n.outputLeading || n.batch === 1
            ? [{ offset: 0, rows: n.batch * n.m, columns: n.n, leading: n.outputLeading }]
            : Array.from({ length: n.batch }, (_, z) => ({
                offset: z * n.outputBatchStride,
                rows: n.m,
                columns: n.n,
                leading: n.outputLeading,
              })),
      },
      a: {
        extent: (n) =>
          n.transposeA
            ? matrices(n.k, n.m, n.aLeading, n.batch, n.aBatchStride)
            : matrices(n.m, n.k, n.aLeading, n.batch, n.aBatchStride),
        traffic: (n) => (n.aBatchStride === 0 ? 1 : n.batch) * n.m * n.k,
      },
      b: {
        extent: (n) =>
          n.transposeB
            ? matrices(n.n, n.k, n.bLeading, n.batch, n.bBatchStride)
            : matrices(n.k, n.n, n.bLeading, n.batch, n.bBatchStride),
        traffic: (n) => (n.bBatchStride === 0 ? 1 : n.batch) * n.k * n.n,
      },
      bias: { optional: true, extent: (n) => n.n },
      residual: { optional: true, extent: outputOf, traffic: outputElements },
      preActivation: { optional: true, extent: outputOf, traffic: outputElements },
    },
    operations: (n) => 2 * n.batch * n.m * n.n * n.k,
  }),
  /**
   * A product in precision bfloat16 whose arrays may be bfloat16 in memory, all of them dense:
   * output = epilogue(op(a)·op(b)), M×N, inner dimension K; transposes as for gemm. aType, bType and outputType are the
   * types of a, b and output; factors in the call's dtype are rounded as in gemm, and sums are float32.
   * Epilogue, in this order: + bias[n]; · factor; + residual; with activated 1, GELU to the accuracy of bfloat16.
   * derivative, if given, receives GELU′ at GELU's argument. factor, activated and derivative need a bfloat16 output.
   * output may be in place on factor.
   */
  gemmBfloat16: defineKernel({
    integers: ["m", "n", "k", "transposeA", "transposeB", "aType", "bType", "outputType", "activated"],
    codes: { aType: elementTypes, bType: elementTypes, outputType: elementTypes },
    buffers: {
      output: { output: true, type: { code: "outputType" }, extent: denseOutput },
      derivative: { output: true, optional: true, type: "bfloat16", extent: denseOutput },
      a: { type: { code: "aType" }, extent: (n) => n.m * n.k },
      b: { type: { code: "bType" }, extent: (n) => n.k * n.n },
      bias: { optional: true, extent: (n) => n.n },
      factor: { optional: true, type: "bfloat16", extent: denseOutput },
      residual: { optional: true, extent: denseOutput },
    },
    operations: (n) => 2 * n.m * n.n * n.k,
  }),
  /**
   * output[m] = the first n with the largest a[m,:]·b[n,:] + bias[n], −1 (none) where that is NaN or infinite; best[m],
   * if given, that value. The M×N product is never written. precision: as gemm has it; bias and sums stay float32.
   */
  gemmArgmax: defineKernel({
    integers: ["m", "n", "k", "precision"],
    codes: { precision: productPrecisions },
    buffers: {
      output: { output: true, type: "int32", extent: (n) => n.m },
      best: { output: true, optional: true, extent: (n) => n.m },
      a: { extent: (n) => n.m * n.k },
      b: { extent: (n) => n.n * n.k },
      bias: { optional: true, extent: (n) => n.n },
    },
    operations: (n) => 2 * n.m * n.n * n.k,
  }),
};
