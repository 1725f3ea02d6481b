import { compareKernel, type KernelCase } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { matrixSizes, sampleIntegers, sampleNumbers } from "./sampleNumbers.js";

interface Options {
  smoothing?: number;
  gradientScale?: number;
  excludeDiagonal?: number;
}

function crossEntropyCase(
  rows: number,
  columns: number,
  logits: Float32Array,
  targets: Int32Array | Float32Array,
  gradient: "none" | "beside" | "in place",
  { smoothing = 0, gradientScale = 1, excludeDiagonal = -1 }: Options = {},
): KernelCase {
  const losses = new Float32Array(rows);
  const buffers = {
    none: { losses, gradient: null, logits, targets },
    beside: { losses, gradient: new Float32Array(rows * columns), logits, targets },
    "in place": { losses, gradient: logits, logits: "gradient", targets },
  }[gradient];
  return {
    buffers,
    numbers: { rows, columns, smoothing, gradientScale, excludeDiagonal },
    outputs: ["losses", "gradient"],
    absolute: 5e-6,
  };
}

/** Losses and gradients row by row from the definition: −Σ q·ln softmax, and (softmax − q)·scale. */
function slowCrossEntropy(
  rows: number,
  columns: number,
  logits: Float32Array,
  targets: Int32Array,
  options: Options,
) {
  const { smoothing = 0, gradientScale = 1, excludeDiagonal = -1 } = options;
  const losses: number[] = [];
  const gradient: number[] = [];
  for (let r = 0; r < rows; r += 1) {
    const used = Array.from({ length: columns }, (_, c) => excludeDiagonal < 0 || c !== r + excludeDiagonal);
    const powers = used.map((isUsed, c) => (isUsed ? Math.exp(logits[r * columns + c]!) : 0));
    const sum = powers.reduce((total, power) => total + power, 0);
    const q = used.map((isUsed, c) =>
      isUsed ? smoothing / used.filter(Boolean).length + (c === targets[r] ? 1 - smoothing : 0) : 0,
    );
    losses.push(
      q.reduce((loss, share, c) => loss - (share === 0 ? 0 : share * Math.log(powers[c]! / sum)), 0),
    );
    gradient.push(...powers.map((power, c) => (power / sum - q[c]!) * gradientScale));
  }
  return { losses, gradient };
}

describe("crossEntropy", () => {
  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const logits = sampleNumbers(rows * columns, 1, -4, 4);
    const targets = sampleIntegers(rows, 2, columns);
    for (const options of [{}, { smoothing: 0.1, gradientScale: 0.25 }]) {
      const expected = slowCrossEntropy(rows, columns, logits, targets, options);
      for (const gradient of ["none", "beside", "in place"] as const) {
        const given = crossEntropyCase(rows, columns, logits, targets, gradient, options);
        const { reference } = await compareKernel("crossEntropy", given);
        expectNumbers(reference.losses, expected.losses, { absolute: 1e-9 });
        if (gradient !== "none") expectNumbers(reference.gradient, expected.gradient, { absolute: 1e-9 });
      }
    }
  });

  test.each([0, 3, 18, 50])("column r + %i left out", async (excludeDiagonal) => {
    const [rows, columns] = [20, 45];
    const logits = sampleNumbers(rows * columns, 3, -4, 4);
    const targets = Int32Array.from({ length: rows }, (_, r) => (r + excludeDiagonal + 5) % columns);
    for (const options of [{ excludeDiagonal }, { excludeDiagonal, smoothing: 0.2, gradientScale: 3 }]) {
      const expected = slowCrossEntropy(rows, columns, logits, targets, options);
      for (const gradient of ["none", "beside", "in place"] as const) {
        const given = crossEntropyCase(rows, columns, logits, targets, gradient, options);
        const { reference } = await compareKernel("crossEntropy", given);
        expectNumbers(reference.losses, expected.losses, { absolute: 1e-9 });
        if (gradient !== "none") expectNumbers(reference.gradient, expected.gradient, { absolute: 1e-9 });
      }
    }
  });

  test("a target of −1, which is none, makes its row's loss and gradient NaN", async () => {
    const logits = sampleNumbers(60, 1);
    for (const options of [{}, { smoothing: 0.1 }, { excludeDiagonal: 0 }]) {
      const { reference } = await compareKernel(
        "crossEntropy",
        crossEntropyCase(3, 20, logits, Int32Array.of(4, -1, 5), "in place", options),
      );
      expect([...reference.losses!].map(Number.isNaN)).toEqual([false, true, false]);
      expect(
        [...reference.gradient!].every((value, place) => Number.isNaN(value) === (place >= 20 && place < 40)),
      ).toBe(true);
    }
  });

  test("−∞ logits cost nothing, NaN and a row of −∞ give NaN, large logits are stable", async () => {
    const logits = Float32Array.of(
      -Infinity,
      0,
      0,
      NaN,
      0,
      1,
      -Infinity,
      -Infinity,
      -Infinity,
      1e30,
      0,
      -1e30,
    );
    const { reference } = await compareKernel(
      "crossEntropy",
      crossEntropyCase(4, 3, logits, Int32Array.of(1, 2, 0, 0), "beside", {}),
    );
    expectNumbers(reference.losses, [Math.log(2), NaN, NaN, 0], { absolute: 1e-12 });
    expectNumbers(reference.gradient, [0, -0.5, 0.5, NaN, NaN, NaN, NaN, NaN, NaN, 0, 0, 0], {
      absolute: 1e-12,
    });
  });

  test("errors", async () => {
    const logits = new Float32Array(6);
    for (const target of [-2, 3])
      await expect(
        compareKernel(
          "crossEntropy",
          crossEntropyCase(2, 3, logits, Int32Array.of(0, target), "in place", {}),
        ),
      ).rejects.toThrow(
        `crossEntropy: index ${target} is out of range: it must be at least 0 and less than 3`,
      );
    await expect(
      compareKernel(
        "crossEntropy",
        crossEntropyCase(2, 3, logits, Int32Array.of(0, 2), "beside", { excludeDiagonal: 1 }),
      ),
    ).rejects.toThrow("crossEntropy: target 2 of a row is the column that excludeDiagonal leaves out of it");
  });
});

describe("softCrossEntropy", () => {
  const softCase = (
    rows: number,
    columns: number,
    logits: Float32Array,
    targets: Float32Array,
    gradient: "none" | "beside" | "in place",
    options: Pick<Options, "smoothing" | "gradientScale"> = {},
  ): KernelCase => {
    const { smoothing = 0, gradientScale = 1 } = options;
    return {
      ...crossEntropyCase(rows, columns, logits, targets, gradient),
      numbers: { rows, columns, smoothing, gradientScale },
    };
  };

  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const logits = sampleNumbers(rows * columns, 1, -4, 4);
    // Rows that are no distributions too: their sum is the softmax's factor.
    const targets = sampleNumbers(rows * columns, 2, 0, 2 / columns);
    for (const options of [{}, { smoothing: 0.1, gradientScale: 0.25 }]) {
      const { smoothing = 0, gradientScale = 1 } = options;
      const losses: number[] = [];
      const gradients: number[] = [];
      for (let r = 0; r < rows; r++) {
        const row = Array.from({ length: columns }, (_, c) => r * columns + c);
        const q = row.map((place) => (1 - smoothing) * targets[place]! + smoothing / columns);
        const sum = row.reduce((total, place) => total + Math.exp(logits[place]!), 0);
        const weight = q.reduce((total, share) => total + share, 0);
        losses.push(
          row.reduce((loss, place, c) => loss - q[c]! * Math.log(Math.exp(logits[place]!) / sum), 0),
        );
        gradients.push(
          ...row.map((place, c) => ((weight * Math.exp(logits[place]!)) / sum - q[c]!) * gradientScale),
        );
      }
      for (const gradient of ["none", "beside", "in place"] as const) {
        const given = softCase(rows, columns, logits, targets, gradient, options);
        const { reference } = await compareKernel("softCrossEntropy", given);
        expectNumbers(reference.losses, losses, { absolute: 1e-9 });
        if (gradient !== "none") expectNumbers(reference.gradient, gradients, { absolute: 1e-9 });
      }
    }
  });

  test("−∞ logits that nobody wants cost nothing, NaN stays NaN, large logits are stable", async () => {
    const logits = Float32Array.of(-Infinity, 0, 0, NaN, 0, 1, 1e30, 0, -1e30);
    const targets = Float32Array.of(0, 0.25, 0.75, 0, 0.5, 0.5, 1, 0, 0);
    const { reference } = await compareKernel("softCrossEntropy", softCase(3, 3, logits, targets, "beside"));
    expectNumbers(reference.losses, [Math.log(2), NaN, 0], { absolute: 1e-12 });
    expectNumbers(reference.gradient, [0, 0.25, -0.25, NaN, NaN, NaN, 0, 0, 0], { absolute: 1e-12 });
  });
});
