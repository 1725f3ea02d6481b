import { availableInstructionSets } from "@splitmask/kernels";
import { compareKernel, compareSets, type KernelComparison } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  readonly transposeA?: 0 | 1;
  readonly transposeB?: 0 | 1;
  readonly alpha?: number;
  readonly beta?: number;
  /** Elements between the end of a row and the next one, and between the matrices of a batch. */
  readonly gap?: number;
  readonly bias?: boolean;
  readonly activation?: 0 | 1 | 2;
  readonly residual?: boolean;
  readonly preActivation?: boolean;
  /** All of the batch use one b. */
  readonly sharedB?: boolean;
  /** Rounds the operands to bfloat16. */
  readonly bfloat16?: boolean;
  /** Changes the operands before the product. */
  readonly edit?: (a: Float64Array, b: Float64Array) => void;
}

function compareProduct(product: Product): Promise<KernelComparison> {
  const { m, n, k, batch = 1, transposeA = 0, transposeB = 0, gap = 0, beta = 0 } = product;
  const aLeading = (transposeA ? m : k) + gap;
  const bLeading = (transposeB ? k : n) + gap;
  const outputLeading = n + gap;
  const aBatchStride = (transposeA ? k : m) * aLeading + gap;
  const bBatchStride = product.sharedB ? 0 : (transposeB ? n : k) * bLeading + gap;
  const outputBatchStride = m * outputLeading + gap;
  const a = randomNumbers(batch * aBatchStride, 1);
  const b = randomNumbers(product.sharedB ? (transposeB ? n : k) * bLeading : batch * bBatchStride, 2);
  product.edit?.(a, b);
  const likeOutput = (seed: number) => randomNumbers(batch * outputBatchStride, seed);
  return compareKernel("gemm", {
    buffers: {
      output: beta === 0 ? new Float64Array(batch * outputBatchStride).fill(Number.NaN) : likeOutput(3),
      a,
      b,
      bias: product.bias ? randomNumbers(n, 4) : null,
      residual: product.residual ? likeOutput(5) : null,
      preActivation: product.preActivation ? likeOutput(6) : null,
    },
    numbers: {
      m,
      n,
      k,
      batch,
      transposeA,
      transposeB,
      alpha: product.alpha ?? 1,
      beta,
      activation: product.activation ?? 0,
      aLeading,
      bLeading,
      outputLeading,
      aBatchStride,
      bBatchStride,
      outputBatchStride,
      precision: product.bfloat16 ? 1 : 0,
    },
    outputs: ["output"],
    // A chain of k roundings of sums that grow themselves; the certain bound would be k² · 2⁻²⁶.
    absolute: 1e-6 + k * 2 ** -24,
    relative: 2e-6,
  });
}

const transposes = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

describe("gemm", () => {
  test("is the product of its definition", async () => {
    const { reference } = await compareKernel("gemm", {
      buffers: {
        output: new Float64Array(4),
        a: Float64Array.of(1, 2, 3, 4, 5, 6),
        b: Float64Array.of(1, 0, -1, 2, 1, 0),
        bias: Float64Array.of(10, 20),
        residual: null,
        preActivation: null,
      },
      numbers: {
        m: 2,
        n: 2,
        k: 3,
        batch: 1,
        transposeA: 0,
        transposeB: 1,
        alpha: 2,
        beta: 0,
        activation: 0,
        aLeading: 3,
        bLeading: 3,
        outputLeading: 2,
        aBatchStride: 0,
        bBatchStride: 0,
        outputBatchStride: 0,
        precision: 0,
      },
      outputs: ["output"],
    });
    expect([...reference.output!]).toEqual([6, 28, 6, 46]);
  });

  describe.each(transposes)("transposeA %i, transposeB %i", (transposeA, transposeB) => {
    test.each([
      [1, 1, 1],
      [1, 33, 5],
      [5, 1, 17],
      [14, 32, 16],
      [15, 33, 17],
      [13, 31, 63],
      [29, 100, 3],
      [97, 50, 130],
    ])("%i×%i, inner %i", async (m, n, k) => {
      await compareProduct({ m, n, k, transposeA, transposeB });
      await compareProduct({ m, n, k, transposeA, transposeB, gap: 3, alpha: 0.5, beta: -1.5 });
    });

    test("more than one block of k, several tiles", async () => {
      await compareProduct({ m: 120, n: 70, k: 800, transposeA, transposeB, gap: 1 });
      await compareProduct({ m: 33, n: 65, k: 1201, transposeA, transposeB, beta: 1 });
      await compareProduct({
        m: 40,
        n: 70,
        k: 900,
        transposeA,
        transposeB,
        bias: true,
        residual: true,
        preActivation: true,
      });
      await compareProduct({ m: 40, n: 70, k: 900, transposeA, transposeB, activation: 1 });
      await compareProduct({ m: 40, n: 70, k: 900, transposeA, transposeB, activation: 2 });
    });

    test("batches of small products", async () => {
      await compareProduct({ m: 7, n: 9, k: 11, batch: 40, transposeA, transposeB, gap: 2, beta: 0.5 });
      await compareProduct({
        m: 50,
        n: 49,
        k: 64,
        batch: 9,
        transposeA,
        transposeB,
        bias: true,
        preActivation: true,
        activation: 1,
      });
      await compareProduct({ m: 13, n: 9, k: 20, batch: 9, transposeA, transposeB, activation: 2 });
      await compareProduct({ m: 120, n: 100, k: 30, batch: 3, transposeA, transposeB });
      await compareProduct({ m: 9, n: 20, k: 33, batch: 5, transposeA, transposeB, sharedB: true });
      await compareProduct({ m: 9, n: 20, k: 33, batch: 5, transposeA, transposeB, sharedB: true, gap: 1 });
    });

    test("nothing to do, nothing to sum", async () => {
      for (const [m, n, k, batch] of [
        [0, 5, 5, 1],
        [5, 0, 5, 1],
        [5, 5, 5, 0],
        [0, 0, 0, 0],
      ] as const) {
        await compareProduct({ m, n, k, batch, transposeA, transposeB, beta: 1 });
      }
      await compareProduct({ m: 17, n: 35, k: 0, transposeA, transposeB, beta: 0.25 });
      await compareProduct({
        m: 17,
        n: 35,
        k: 0,
        transposeA,
        transposeB,
        bias: true,
        activation: 1,
        residual: true,
        preActivation: true,
      });
      await compareProduct({ m: 3, n: 4, k: 0, batch: 9, transposeA, transposeB });
    });

    test("NaN and infinity reach the elements they belong to, and no other", async () => {
      const { reference } = await compareProduct({
        m: 20,
        n: 40,
        k: 30,
        transposeA,
        transposeB,
        edit: (a, b) => {
          a[transposeA ? 3 * 20 + 5 : 5 * 30 + 3] = Number.NaN;
          b[transposeB ? 37 * 30 + 29 : 29 * 40 + 37] = Number.POSITIVE_INFINITY;
        },
      });
      expect(reference.output!.filter((value) => !Number.isFinite(value)).length).toBe(40 + 20 - 1);
    });
  });

  test.each([
    { bias: true },
    { residual: true },
    { preActivation: true },
    { bias: true, preActivation: true, activation: 2 },
    { bias: true, residual: true, activation: 1, gap: 2 },
    { bias: true, residual: true, preActivation: true, gap: 5 },
  ] as const)("epilogue and activated operand %j", async (epilogue) => {
    await compareProduct({ m: 33, n: 47, k: 20, transposeB: 1, alpha: 3, ...epilogue });
    await compareProduct({ m: 120, n: 130, k: 96, transposeB: 1, ...epilogue });
  });

  test("tall, wide and deep", async () => {
    await compareProduct({ m: 1500, n: 24, k: 40, transposeB: 1 });
    await compareProduct({ m: 24, n: 1500, k: 40 });
    await compareProduct({ m: 30, n: 40, k: 4000, transposeA: 1 });
  });

  describe("bfloat16", () => {
    describe.each(transposes)("transposeA %i, transposeB %i", (transposeA, transposeB) => {
      const layout = { transposeA, transposeB, bfloat16: true };

      test.each([
        [1, 1, 1],
        [1, 33, 2],
        [5, 1, 17],
        [14, 32, 32],
        [15, 33, 31],
        [13, 31, 63],
        [29, 100, 3],
        [97, 50, 130],
      ])("%i×%i, inner %i", async (m, n, k) => {
        await compareProduct({ m, n, k, ...layout });
        await compareProduct({ m, n, k, ...layout, gap: 3, alpha: 0.5, beta: -1.5 });
      });

      test("more than one block of k, several tiles, batches, nothing to sum", async () => {
        await compareProduct({ m: 120, n: 70, k: 1600, ...layout, gap: 1 });
        await compareProduct({ m: 33, n: 65, k: 1201, ...layout, beta: 1 });
        await compareProduct({ m: 40, n: 200, k: 801, ...layout, bias: true, residual: true });
        await compareProduct({ m: 7, n: 9, k: 11, batch: 40, ...layout, gap: 2, beta: 0.5 });
        await compareProduct({ m: 50, n: 49, k: 65, batch: 9, ...layout, bias: true, preActivation: true });
        await compareProduct({ m: 9, n: 20, k: 33, batch: 5, ...layout, sharedB: true });
        await compareProduct({ m: 17, n: 35, k: 0, ...layout, beta: 0.25 });
      });

      // Where GELU is the number itself or 0, so that an error of its last bits cannot change what it is rounded to.
      test.each([1, 2] as const)("activated operand %i", async (activation) => {
        const edit = (...operands: Float64Array[]) => {
          const values = operands[activation - 1]!;
          for (let i = 0; i < values.length; i += 1) values[i] = (values[i]! < 0 ? -20 : 7) + values[i]!;
        };
        await compareProduct({ m: 40, n: 70, k: 33, ...layout, activation, edit });
      });

      test("NaN and infinity reach the elements they belong to, and no other", async () => {
        const { reference } = await compareProduct({
          m: 20,
          n: 40,
          k: 31,
          ...layout,
          edit: (a, b) => {
            a[transposeA ? 30 * 20 + 5 : 5 * 31 + 30] = Number.NaN;
            b[transposeB ? 37 * 31 + 29 : 29 * 40 + 37] = Number.POSITIVE_INFINITY;
          },
        });
        expect(reference.output!.filter((value) => !Number.isFinite(value)).length).toBe(40 + 20 - 1);
      });
    });

    test("rounds to the nearest, ties to even, and what is below the smallest normal number to zero", async () => {
      const given = [
        1 + 2 ** -8, // a tie: down to the even one
        1 + 3 * 2 ** -8, // a tie: up
        1 + 2 ** -8 + 2 ** -23,
        -(1 + 2 ** -8 + 2 ** -23),
        2 - 2 ** -9, // carries into the exponent
        3.4e38, // beyond the largest bfloat16
        2 ** -126,
        2 ** -126 - 2 ** -149,
        -(2 ** -130),
        -0,
      ];
      const { reference } = await compareProduct({
        m: given.length,
        n: 1,
        k: 1,
        bfloat16: true,
        edit: (a, b) => {
          a.set(given);
          b[0] = 1;
        },
      });
      const up = 1 + 2 ** -7;
      expect([...reference.output!]).toEqual([1, 1 + 2 ** -6, up, -up, 2, Infinity, 2 ** -126, 0, 0, 0]);
    });
  });

  test.each([0, 1])(
    "sets with fused multiply-adds agree to the last bit, precision %i",
    async (precision) => {
      // Without them, the product of two bfloat16 numbers is still exact, so that one rounding is left.
      const sets = availableInstructionSets().filter((set) => precision === 1 || set !== "portable");
      const [m, n, k] = [101, 77, 1603];
      for (const [transposeA, transposeB] of transposes) {
        await compareSets("gemm", sets, {
          buffers: {
            output: new Float64Array(m * n),
            a: randomNumbers(m * k, 1),
            b: randomNumbers(n * k, 2),
            bias: randomNumbers(n, 3),
            residual: randomNumbers(m * n, 4),
            preActivation: null,
          },
          numbers: {
            m,
            n,
            k,
            batch: 1,
            transposeA,
            transposeB,
            alpha: 1,
            beta: 0,
            activation: 0,
            aLeading: transposeA ? m : k,
            bLeading: transposeB ? k : n,
            outputLeading: n,
            aBatchStride: 0,
            bBatchStride: 0,
            outputBatchStride: 0,
            precision,
          },
          outputs: ["output"],
        });
      }
    },
  );
});
