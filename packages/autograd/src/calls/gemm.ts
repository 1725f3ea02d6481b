import { activatedOperands, productPrecisions, reductions } from "@splitmask/kernels";
import { floatingOf, type Tensor } from "../tensor.js";

/**
 * The format in which a product's operands are multiplied. `"bfloat16"` rounds each element to 8 significant bits while
 * it is read; sums are float32 either way.
 */
export type ProductPrecision = keyof typeof productPrecisions;

/** One call of the `gemm` kernel; what is left out has its plain value. */
export interface GemmCall {
  /** Receives M×N for each of `batch`. */
  readonly output: Tensor;
  /** M×K (K×M with `transposeA`). */
  readonly a: Tensor;
  /** K×N (N×K with `transposeB`). */
  readonly b: Tensor;
  /** Rows of the product. */
  readonly m: number;
  /** Columns of the product. */
  readonly n: number;
  /** The inner extent. */
  readonly k: number;
  /** How many products; default 1. */
  readonly batch?: number;
  /** Whether a is stored transposed. */
  readonly transposeA?: boolean;
  /** Whether b is stored transposed. */
  readonly transposeB?: boolean;
  /** Factor of the product; default 1. */
  readonly alpha?: number;
  /** Factor of what `output` holds already; default 0. */
  readonly beta?: number;
  /** Whether all products share one a. */
  readonly sharedA?: boolean;
  /** Whether all products share one b. */
  readonly sharedB?: boolean;
  /** Added to each row, N. */
  readonly bias?: Tensor | null;
  /** Multiplied by the product, in the output's layout: GELU's derivative at these values. */
  readonly preActivation?: Tensor | null;
  /** Added last, in the output's layout. */
  readonly residual?: Tensor | null;
  /** Of which operand the elements' GELU is multiplied. Default: of none. */
  readonly activated?: "a" | "b" | null;
  /**
   * What the elements of a and b are rounded to before they are multiplied; sums and the epilogue are float32. Default
   * `"float32"`: not at all.
   */
  readonly precision?: ProductPrecision | undefined;
}

/** output = beta·output + epilogue(alpha · op(a)·op(b)), all operands dense. */
export function gemm(call: GemmCall): void {
  const { output, a, b, m, n, k, transposeA = false, transposeB = false } = call;
  output.device.run("gemm", floatingOf(output), {
    output,
    a,
    b,
    bias: call.bias ?? null,
    residual: call.residual ?? null,
    preActivation: call.preActivation ?? null,
    m,
    n,
    k,
    batch: call.batch ?? 1,
    transposeA: transposeA ? 1 : 0,
    transposeB: transposeB ? 1 : 0,
    alpha: call.alpha ?? 1,
    beta: call.beta ?? 0,
    activation: activatedOperands[call.activated ?? "none"],
    aLeading: transposeA ? m : k,
    bLeading: transposeB ? k : n,
    outputLeading: n,
    aBatchStride: call.sharedA ? 0 : m * k,
    bBatchStride: call.sharedB ? 0 : k * n,
    outputBatchStride: m * n,
    precision: productPrecisions[call.precision ?? "float32"],
  });
}

/** The sum of a gradient's rows (the gradient of a bias), as a tensor of `shape`. */
export function sumRows(output: Tensor, gradient: Tensor, columns: number): Tensor {
  output.device.run("reduce", floatingOf(gradient), {
    output,
    input: gradient,
    operation: reductions.sum,
    outer: 1,
    reduced: columns === 0 ? 0 : gradient.size / columns,
    inner: columns,
    scale: 1,
    accumulate: 0,
  });
  return output;
}
