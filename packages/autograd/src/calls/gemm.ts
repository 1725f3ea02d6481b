import { activatedOperands, elementTypes, productPrecisions, reductions } from "@splitmask/kernels";
import { floatingOf, type Tensor } from "../tensor.js";

/**
 * The format in which a product's operands are multiplied. `"bfloat16"` rounds each element to 8 significant bits while
 * it is read; sums are float32 either way.
 */
export type ProductPrecision = keyof typeof productPrecisions;

/**
 * One call of the `gemm` kernel, or of `gemmBfloat16` where output, a or b is a bfloat16 tensor; what is left out has
 * no effect.
 */
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
  /** Only with a bfloat16 output: the product is multiplied by it; bfloat16, output's shape. May share its memory. */
  readonly factor?: Tensor | null;
  /** Only with a bfloat16 output: whether GELU is applied to it. */
  readonly activatesOutput?: boolean;
  /** With `activatesOutput`, receives GELU's derivative: bfloat16, of the output's shape. */
  readonly derivative?: Tensor | null;
}

/** output = beta·output + epilogue(alpha · op(a)·op(b)), all operands dense. */
export function gemm(call: GemmCall): void {
  const { output, a, b, m, n, k, transposeA = false, transposeB = false } = call;
  if ([output, a, b].some(({ dtype }) => dtype === "bfloat16")) {
    gemmBfloat16(call);
    return;
  }
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

/** One dense product of tensors of which some are bfloat16. */
function gemmBfloat16(call: GemmCall): void {
  const { output, a, b, m, n, k, bias = null, residual = null } = call;
  const exact = [output, a, b, bias].find((each) => each !== null && each.dtype !== "bfloat16");
  const typeOf = ({ dtype }: Tensor) => elementTypes[dtype === "bfloat16" ? "bfloat16" : "dtype"];
  output.device.run("gemmBfloat16", exact ? floatingOf(exact) : "float32", {
    output,
    derivative: call.derivative ?? null,
    a,
    b,
    bias,
    factor: call.factor ?? null,
    residual,
    m,
    n,
    k,
    transposeA: call.transposeA ? 1 : 0,
    transposeB: call.transposeB ? 1 : 0,
    aType: typeOf(a),
    bType: typeOf(b),
    outputType: typeOf(output),
    activated: call.activatesOutput ? 1 : 0,
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
  });
  return output;
}
