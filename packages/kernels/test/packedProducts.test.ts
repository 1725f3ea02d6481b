import { availableInstructionSets, createDevice, kernelTable, weightFormats } from "@splitmask/kernels";
import { compareKernel, compareSets, type KernelCase } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

type Format = keyof typeof weightFormats;
const formats = Object.keys(weightFormats) as Format[];

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

/** What packWeights makes of a weight of n×k. */
async function pack(weight: Float64Array, n: number, k: number, format: Format) {
  const numbers = { n, k, format: weightFormats[format] };
  const space = (bytes: number) => ({ buffer: device.allocate(bytes), byteOffset: 0 });
  const size = kernelTable.packWeights.buffers.packed.extent(numbers, 0);
  const [packed, scales, sums, from] = [space(size), space(4 * n), space(4 * n), space(4 * n * k)];
  device.upload(from, Float32Array.from(weight));
  device.run("packWeights", "float32", { packed, scales, sums, weight: from, ...numbers });
  return {
    packed: new Uint8Array(await device.download(packed, size)),
    scales: new Float32Array(await device.download(scales, 4 * n)),
    sums: new Int32Array(await device.download(sums, 4 * n)),
  };
}

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly format: Format;
  readonly activation?: 0 | 1;
  readonly epilogue?: boolean;
  readonly edit?: (a: Float64Array) => void;
}

async function caseOf({ m, n, k, format, activation = 0, epilogue, edit }: Product): Promise<KernelCase> {
  const a = randomNumbers(m * k, 1);
  edit?.(a);
  const packed = await pack(randomNumbers(n * k, 2), n, k, format);
  return {
    buffers: {
      output: new Float64Array(m * n).fill(Number.NaN),
      a,
      packed: packed.packed,
      scales: format === "int8" ? packed.scales : null,
      sums: format === "int8" ? packed.sums : null,
      bias: epilogue ? randomNumbers(n, 3) : null,
      residual: epilogue ? randomNumbers(m * n, 4) : null,
    },
    numbers: { m, n, k, format: weightFormats[format], activation },
    outputs: ["output"],
    // As of gemm; low·Σ w and step·Σ u·w, which are larger than their sum, are rounded once.
    absolute: 2e-6 + k * 2 ** -22,
    relative: 4e-6,
  };
}

describe("packWeights", () => {
  test.each(formats)("lays out %s the same on every instruction set", async (format) => {
    for (const [n, k] of [
      [1, 1],
      [32, 4],
      [33, 7],
      [70, 130],
    ] as const) {
      const { packed, scales, sums } = await pack(new Float64Array(n * k), n, k, format);
      await compareKernel("packWeights", {
        buffers: { packed, scales: new Float64Array(scales), sums, weight: randomNumbers(n * k, 5) },
        numbers: { n, k, format: weightFormats[format] },
        outputs: ["packed", "scales", "sums"],
      });
    }
  });

  test("puts the elements of a panel's rows side by side, and fills up with zeros", async () => {
    const weight = Float64Array.of(1, -2, 3, 4, 5, 6, 7, -8, 9, 10);
    const float32 = new Float32Array((await pack(weight, 2, 5, "float32")).packed.buffer);
    expect(float32.length).toBe(5 * 32);
    expect([...float32].filter((value) => value !== 0)).toEqual([1, 6, -2, 7, 3, -8, 4, 9, 5, 10]);
    const bfloat16 = new Uint16Array((await pack(weight, 2, 5, "bfloat16")).packed.buffer);
    expect(bfloat16.length).toBe(3 * 2 * 32);
    // −2 and 1: the earlier one in the lower half.
    expect([...bfloat16.slice(0, 4)]).toEqual([0x3f80, 0xc000, 0x40c0, 0x40e0]);
    const { packed, scales, sums } = await pack(weight, 2, 5, "int8");
    expect([...new Int8Array(packed.buffer).slice(0, 8)]).toEqual([25, -51, 76, 102, 76, 89, -102, 114]);
    expect([...scales]).toEqual([Math.fround(5 / 127), Math.fround(10 / 127)]);
    expect([...sums]).toEqual([25 - 51 + 76 + 102 + 127, 76 + 89 - 102 + 114 + 127]);
  });

  test("int8: rows of zeros, of tiny numbers, and with NaN or infinity", async () => {
    const weight = Float64Array.of(0, 0, 1e-31, -1e-31, 1, Number.NaN, Number.POSITIVE_INFINITY, 1);
    const { packed, scales, sums } = await pack(weight, 4, 2, "int8");
    expect([...sums, ...packed].every((value) => value === 0)).toBe(true);
    expect([...scales]).toEqual([0, Math.fround(Math.fround(1e-31) / 127), Number.NaN, Number.NaN]);
  });
});

describe("gemmPacked", () => {
  // Fewer rows, columns and elements than a tile has, and more; an inner dimension of several blocks.
  const shapes = [
    [1, 1, 1],
    [3, 33, 5],
    [15, 70, 67],
    [29, 40, 258],
    [2, 9, 801],
    [2, 3, 1024],
  ] as const;
  test.each(formats)("multiplies %s on every version", async (format) => {
    for (const [m, n, k] of shapes) await compareKernel("gemmPacked", await caseOf({ m, n, k, format }));
  });

  test.each(formats)("applies bias, GELU and residual in this order with %s", async (format) => {
    for (const activation of [0, 1] as const) {
      const product = { m: 17, n: 45, k: 30, format, activation, epilogue: true } as const;
      await compareKernel("gemmPacked", await caseOf(product));
    }
  });

  test("cuts many rows and columns into tasks", async () => {
    for (const format of formats)
      await compareKernel("gemmPacked", await caseOf({ m: 240, n: 300, k: 12, format, epilogue: true }));
  });

  test("an empty product is the epilogue", async () => {
    for (const format of formats)
      await compareKernel("gemmPacked", await caseOf({ m: 3, n: 5, k: 0, format, epilogue: true }));
  });

  test("without rows it does nothing", async () => {
    for (const format of formats)
      await compareKernel("gemmPacked", await caseOf({ m: 0, n: 5, k: 3, format }));
  });

  test("int8: rows of equal elements, of a huge offset, and with NaN or infinity", async () => {
    const edit = (a: Float64Array) => {
      a.fill(0.75, 0, 8);
      for (let i = 8; i < 16; i += 1) a[i]! += 100;
      a[17] = Number.NaN;
      a[25] = Number.POSITIVE_INFINITY;
    };
    const product = { ...(await caseOf({ m: 5, n: 6, k: 8, format: "int8", edit })), absolute: 1e-3 };
    const { reference } = await compareKernel("gemmPacked", product);
    expect(reference.output!.slice(0, 12).every(Number.isFinite)).toBe(true);
    expect(reference.output!.slice(12, 24).every(Number.isNaN)).toBe(true);
  });

  test("float32 has the bits of gemm on each instruction set", async () => {
    const [m, n, k] = [19, 50, 900];
    const { buffers } = await caseOf({ m, n, k, format: "float32", epilogue: true });
    const weight = Float32Array.from(randomNumbers(n * k, 2));
    for (const instructionSet of availableInstructionSets()) {
      const own = createDevice({ instructionSet, threads: 2 });
      const place = (values: Float32Array | Uint8Array) => {
        const placed = { buffer: own.allocate(values.byteLength), byteOffset: 0 };
        own.upload(placed, values);
        return placed;
      };
      const [a, bias, residual] = [buffers.a, buffers.bias, buffers.residual].map((values) =>
        place(Float32Array.from(values as Float64Array)),
      );
      const common = { a: a!, bias: bias!, residual: residual!, m, n, k };
      const [packedOutput, plainOutput] = [place(new Float32Array(m * n)), place(new Float32Array(m * n))];
      own.run("gemmPacked", "float32", {
        ...{ ...common, output: packedOutput, packed: place(buffers.packed as Uint8Array) },
        ...{ scales: null, sums: null, format: 0, activation: 0 },
      });
      own.run("gemm", "float32", {
        ...{ ...common, output: plainOutput, b: place(weight), preActivation: null },
        ...{ batch: 1, transposeA: 0, transposeB: 1, alpha: 1, beta: 0, activation: 0, precision: 0 },
        ...{ aLeading: k, bLeading: k, outputLeading: n },
        ...{ aBatchStride: 0, bBatchStride: 0, outputBatchStride: 0 },
      });
      const [first, second] = await Promise.all(
        [packedOutput, plainOutput].map((o) => own.download(o, 4 * m * n)),
      );
      expect(Buffer.compare(new Uint8Array(first!), new Uint8Array(second!))).toBe(0);
      own.close();
    }
  });

  test("bfloat16 has the same bits on every instruction set", async () => {
    const product = await caseOf({ m: 13, n: 40, k: 1601, format: "bfloat16", epilogue: true });
    const sets = availableInstructionSets().filter((set) => set !== "portable");
    await compareSets("gemmPacked", sets.length > 1 ? sets : availableInstructionSets(), product);
  });

  test("int8 has the same whole numbers on every instruction set, as sums show that float32 holds", async () => {
    const [m, n, k] = [9, 35, 530];
    const product = await caseOf({ m, n, k, format: "int8" });
    // Levels are the elements themselves and scales 1, so that every sum is below 2²⁴.
    const a = Float64Array.from({ length: m * k }, (_, i) => (i % k < 2 ? 255 * (i % k) : (i * 37) % 256));
    const scales = new Float32Array(n).fill(1);
    await compareSets("gemmPacked", availableInstructionSets(), {
      ...product,
      buffers: { ...product.buffers, a, scales },
    });
  });
});
