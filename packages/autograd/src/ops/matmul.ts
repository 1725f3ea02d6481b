import { gemm, type ProductPrecision } from "../calls/gemm.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { equalShapes, formatShape, type Shape, sizeOf } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `matmul`. */
export interface MatmulOptions {
  /** Whether a is given as …×K×M. Default false. */
  readonly transposeA?: boolean;
  /** Whether b is given as …×N×K. Default false. */
  readonly transposeB?: boolean;
  /** A factor of the product. Default 1. */
  readonly alpha?: number;
  /** The format in which the operands are multiplied, forward and backward. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  readonly precision: ProductPrecision;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  readonly sharedA: boolean;
  readonly sharedB: boolean;
  readonly outputShape: Shape;
}

/**
 * y = α·A·B for each of a batch, A = op(a) M×K, B = op(b) K×N; ∂/∂A = α·g·Bᵀ, ∂/∂B = α·Aᵀ·g, each written in the
 * operand's own layout (∂/∂a = α·B·gᵀ where a is stored transposed). An operand without batch axes is shared by all
 * products: its gradient is summed over them.
 */
export const matmulOperation = defineOperation({
  name: "matmul",
  forward: ({ a, b }: { a: Tensor; b: Tensor }, attributes: MatmulAttributes, needs) => {
    const output = empty(a.device, attributes.outputShape, a.dtype);
    gemm({ ...attributes, output, a, b });
    return { output, saved: { a: needs.b ? a : null, b: needs.a ? b : null } };
  },
  gradient: ({ outputGradient: g, saved, attributes, needs, shapes }) => {
    const { transposeA, transposeB, m, n, k, batch, sharedA, sharedB } = attributes;
    const { alpha, precision } = attributes;
    let a: Tensor | null = null;
    if (needs.a) {
      const b = saved.b!;
      a = empty(g.device, shapes.a, g.dtype);
      const product = transposeA
        ? { a: b, b: g, m: k, n: m, k: n, transposeA: transposeB, transposeB: true, sharedA: sharedB }
        : { a: g, b, m, n: k, k: n, transposeB: !transposeB, sharedB };
      if (sharedA) sumProducts(a, { ...product, alpha, precision }, batch);
      else gemm({ output: a, ...product, alpha, precision, batch });
    }
    let b: Tensor | null = null;
    if (needs.b) {
      const left = saved.a!;
      b = empty(g.device, shapes.b, g.dtype);
      const product = transposeB
        ? {
            a: g,
            b: left,
            m: n,
            n: k,
            k: m,
            transposeA: true,
            transposeB: transposeA,
            sharedB: sharedA,
          }
        : { a: left, b: g, m: k, n, k: m, transposeA: !transposeA, sharedA };
      if (sharedB) sumProducts(b, { ...product, alpha, precision }, batch);
      else gemm({ output: b, ...product, alpha, precision, batch });
    }
    return { a, b };
  },
});

type Product = Omit<Parameters<typeof gemm>[0], "output">;

/** output = Σ over the batch of the products, one after the other. */
function sumProducts(output: Tensor, product: Product, batch: number): void {
  const { m, n, k, sharedA = false, sharedB = false } = product;
  if (batch === 0) output.device.run("fill", floatingOf(output), { output, size: output.size, value: 0 });
  for (let index = 0; index < batch; index++) {
    const a = product.a.alias([m, k], sharedA ? 0 : index * m * k);
    const b = product.b.alias([k, n], sharedB ? 0 : index * k * n);
    gemm({ ...product, output, a, b, beta: index === 0 ? 0 : 1 });
    a.dispose();
    b.dispose();
  }
}

/**
 * The matrix product of the last two axes, batched over the axes before them: …×M×K and …×K×N give …×M×N. An operand of
 * rank 2 is used for the whole batch of the other.
 *
 * @throws RangeError If the inner extents or the batch axes differ.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  checkFloating("matmul", { a, b });
  const { transposeA = false, transposeB = false, alpha = 1, precision = "float32" } = options;
  for (const [name, operand] of Object.entries({ a, b })) {
    if (operand.rank < 2) {
      throw new RangeError(
        `matmul: ${name} is ${formatShape(operand.shape)}; expected at least two axes. ` +
          "Use reshape to make a row 1×K or a column K×1.",
      );
    }
  }
  let m = a.shape[a.rank - (transposeA ? 1 : 2)]!;
  const k = a.shape[a.rank - (transposeA ? 2 : 1)]!;
  const n = b.shape[b.rank - (transposeB ? 2 : 1)]!;
  const otherK = b.shape[b.rank - (transposeB ? 1 : 2)]!;
  if (k !== otherK) {
    throw new RangeError(
      `matmul: a is ${formatShape(a.shape)} and b is ${formatShape(b.shape)}: ` +
        `the inner sizes ${k} and ${otherK} differ.${hint(a, b, transposeA, transposeB)}`,
    );
  }
  const aBatch = a.shape.slice(0, -2);
  const bBatch = b.shape.slice(0, -2);
  if (aBatch.length > 0 && bBatch.length > 0 && !equalShapes(aBatch, bBatch)) {
    throw new RangeError(
      `matmul: a is ${formatShape(a.shape)} and b is ${formatShape(b.shape)}: ` +
        `the batch axes ${formatShape(aBatch)} and ${formatShape(bBatch)} differ. ` +
        "They have to be equal, or one operand has rank 2.",
    );
  }
  const batchShape = aBatch.length > 0 ? aBatch : bBatch;
  let batch = sizeOf(batchShape);
  let sharedA = aBatch.length === 0 && bBatch.length > 0;
  let sharedB = bBatch.length === 0 && aBatch.length > 0;
  const outputShape = [...batchShape, m, n];
  // With one b for all and a not transposed, the batch is only more rows.
  if (sharedB && !transposeA) {
    m *= batch;
    batch = 1;
    sharedB = false;
  }
  if (batch === 1) {
    sharedA = false;
    sharedB = false;
  }
  return perform(
    matmulOperation,
    { a, b },
    { transposeA, transposeB, alpha, precision, m, n, k, batch, sharedA, sharedB, outputShape },
  );
}

function hint(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): string {
  const inner = (tensor: Tensor, second: boolean, transposed: boolean) =>
    tensor.shape[tensor.rank - (second === transposed ? 1 : 2)]!;
  for (const [flipA, flipB] of [
    [false, true],
    [true, false],
    [true, true],
  ] as const) {
    const asA = transposeA !== flipA;
    const asB = transposeB !== flipB;
    if (inner(a, false, asA) !== inner(b, true, asB)) continue;
    const options = [...(flipA ? [`transposeA: ${asA}`] : []), ...(flipB ? [`transposeB: ${asB}`] : [])];
    return ` Did you mean matmul(a, b, {${options.join(", ")}})?`;
  }
  return "";
}
