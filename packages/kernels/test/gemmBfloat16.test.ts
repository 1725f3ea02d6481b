import { anyElementTypes, availableInstructionSets, createDevice } from "@splitmask/kernels";
import { Bfloat16, compareKernel, compareSets, type KernelCase } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: 0 | 1;
  readonly transposeB?: 0 | 1;
  /** What lies in memory as bfloat16. */
  readonly a?: boolean;
  readonly b?: boolean;
  readonly output?: boolean;
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly factor?: boolean;
  readonly activated?: 0 | 1;
  readonly derivative?: boolean;
}

/** Random numbers, as bfloat16 in memory or not. */
const numbers = (size: number, seed: number, isBfloat16 = false) =>
  isBfloat16 ? new Bfloat16(randomNumbers(size, seed)) : randomNumbers(size, seed);

function caseOf(product: Product): KernelCase {
  const { m, n, k, output = false } = product;
  return {
    buffers: {
      output: output ? new Bfloat16(new Float64Array(m * n).fill(Number.NaN)) : new Float64Array(m * n),
      derivative: product.derivative ? new Bfloat16(new Float64Array(m * n)) : null,
      a: numbers(m * k, 1, product.a),
      b: numbers(k * n, 2, product.b),
      bias: product.bias ? numbers(n, 3) : null,
      factor: product.factor ? numbers(m * n, 4, true) : null,
      residual: product.residual ? numbers(m * n, 5) : null,
    },
    numbers: {
      m,
      n,
      k,
      transposeA: product.transposeA ?? 0,
      transposeB: product.transposeB ?? 0,
      aType: product.a ? 1 : 0,
      bType: product.b ? 1 : 0,
      outputType: output ? 1 : 0,
      activated: product.activated ?? 0,
    },
    outputs: ["output", "derivative"],
    absolute: 1e-6 + k * 2 ** -24,
    // An error of the last bits may round to the bfloat16 number beside.
    relative: output ? 2 ** -7 : 2e-6,
  };
}

const compareProduct = (product: Product) => compareKernel("gemmBfloat16", caseOf(product));

const transposes = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

describe("gemmBfloat16", () => {
  describe.each(transposes)("transposeA %i, transposeB %i", (transposeA, transposeB) => {
    const layout = { transposeA, transposeB };

    test.each([
      [1, 1, 1],
      [1, 33, 2],
      [5, 1, 17],
      [14, 32, 32],
      [15, 33, 31],
      [13, 31, 63],
      [97, 50, 130],
    ])("%i×%i, inner %i", async (m, n, k) => {
      await compareProduct({ m, n, k, ...layout, a: true });
      await compareProduct({ m, n, k, ...layout, b: true, bias: true, residual: true });
      await compareProduct({ m, n, k, ...layout, a: true, b: true, output: true, bias: true });
    });

    test("more than one block of k, several tiles, nothing to sum", async () => {
      await compareProduct({ m: 120, n: 70, k: 1600, ...layout, a: true });
      await compareProduct({ m: 33, n: 65, k: 1201, ...layout, a: true, b: true, residual: true });
      await compareProduct({ m: 40, n: 200, k: 1601, ...layout, b: true, output: true });
      await compareProduct({ m: 17, n: 35, k: 0, ...layout, a: true, bias: true, output: true });
      await compareProduct({ m: 0, n: 35, k: 3, ...layout, a: true });
    });
  });

  test("rows that are as far apart as a way of the cache are packed", async () => {
    await compareProduct({ m: 30, n: 40, k: 2048, a: true, transposeB: 1 });
  });

  test.each([
    { bias: true, activated: 1 },
    { bias: true, activated: 1, derivative: true },
    { factor: true },
    { bias: true, factor: true, residual: true },
  ] as const)("epilogue of a bfloat16 output %j", async (epilogue) => {
    await compareProduct({ m: 33, n: 47, k: 20, transposeB: 1, a: true, output: true, ...epilogue });
    await compareProduct({ m: 120, n: 130, k: 96, output: true, ...epilogue });
  });

  test("the output may be the factor's memory", async () => {
    const given = caseOf({ m: 40, n: 70, k: 33, output: true, factor: true });
    const { reference } = await compareKernel("gemmBfloat16", given);
    const { reference: inPlace } = await compareKernel("gemmBfloat16", {
      ...given,
      buffers: { ...given.buffers, output: given.buffers.factor!, factor: "output" },
    });
    expect(inPlace.output).toEqual(reference.output);
  });

  test("GELU and its derivative far from 0", async () => {
    const values = [-40, -14, -6, -3, -1, 0, 1, 3, 6, 14, 40];
    const given = caseOf({ m: values.length, n: 1, k: 1, output: true, activated: 1, derivative: true });
    await compareKernel("gemmBfloat16", {
      ...given,
      buffers: { ...given.buffers, a: Float64Array.from(values), b: Float64Array.of(1) },
      absolute: 2e-6,
    });
  });

  test("gives the bits of gemm, which rounds the same numbers", async () => {
    const device = createDevice();
    const [m, n, k] = [50, 70, 901];
    const place = (elements: number, bytes = 4) => ({
      buffer: device.allocate(bytes * elements),
      byteOffset: 0,
    });
    for (const [transposeA, transposeB] of transposes) {
      const [a, b] = [place(m * k), place(k * n)];
      device.upload(a, Float32Array.from(randomNumbers(m * k, 1)));
      device.upload(b, Float32Array.from(randomNumbers(k * n, 2)));
      const [aHalf, bHalf] = [place(m * k, 2), place(k * n, 2)];
      const rounding = { inputType: anyElementTypes.dtype, outputType: anyElementTypes.bfloat16 };
      device.run("cast", "float32", { output: aHalf, input: a, size: m * k, ...rounding });
      device.run("cast", "float32", { output: bHalf, input: b, size: k * n, ...rounding });
      const [expected, output] = [place(m * n), place(m * n)];
      const shape = { m, n, k, transposeA, transposeB };
      device.run("gemm", "float32", {
        ...{ ...shape, output: expected, a, b, batch: 1, alpha: 1, beta: 0, activation: 0, precision: 1 },
        ...{ aLeading: transposeA ? m : k, bLeading: transposeB ? k : n, outputLeading: n },
        ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
      });
      const types = { aType: 1, bType: 1, outputType: 0, activated: 0 };
      device.run("gemmBfloat16", "float32", { ...shape, ...types, output, a: aHalf, b: bHalf });
      const bits = async (of: typeof output) => new Uint32Array(await device.download(of, 4 * m * n));
      expect(await bits(output)).toEqual(await bits(expected));
    }
    device.close();
  });

  test("all sets agree to the last bit", async () => {
    const sets = availableInstructionSets();
    for (const [transposeA, transposeB] of transposes) {
      const layout = { m: 101, n: 77, k: 1603, transposeA, transposeB, bias: true };
      await compareSets("gemmBfloat16", sets, caseOf({ ...layout, a: true, b: true, residual: true }));
      await compareSets(
        "gemmBfloat16",
        sets,
        caseOf({ ...layout, k: 77, a: true, output: true, factor: true }),
      );
    }
  });
});
