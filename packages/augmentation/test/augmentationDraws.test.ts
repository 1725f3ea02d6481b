import {
  type Augmentation,
  type AugmentationPlan,
  type AugmentationStep,
  colorJitter,
  compose,
  type Erase,
  gaussianBlur,
  type MixPlan,
  type Operation,
  planMixup,
  randAugment,
  randAugmentOperations,
  randomApply,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomSolarize,
  randomVerticalFlip,
} from "@splitmask/augmentation";
import { RandomStream } from "@splitmask/autograd";

const draws = 10_000;
/**
 * Bounds are five standard deviations of the statistic: one honest rule in two million would miss one. The keys are
 * fixed, so a test passes always or never.
 */
const sigmas = 5;

const whole: Augmentation = {
  name: "whole",
  plan: (height, width) => ({ cropY: 0, cropX: 0, cropHeight: height, cropWidth: width, flip: false }),
};

/** The plans of 10,000 pictures. */
function plansOf(rule: Augmentation, height = 400, width = 400): AugmentationPlan[] {
  return Array.from({ length: draws }, (_, sample) =>
    rule.plan(height, width, new RandomStream({ seed: 5, purpose: "draws", sample })),
  );
}
const plansOfStep = (...steps: AugmentationStep[]) => plansOf(compose(whole, steps));
const operationsOf = (...steps: AugmentationStep[]) =>
  plansOfStep(...steps).map(
    ({ operations = [] }) => operations as unknown as Readonly<Record<string, number>>[],
  );

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The share of draws is binomial around the probability. */
function expectProbability(hits: readonly boolean[], probability: number): void {
  const share = hits.filter(Boolean).length / hits.length;
  const deviation = Math.sqrt((probability * (1 - probability)) / hits.length);
  expect(Math.abs(share - probability)).toBeLessThan(sigmas * deviation);
}

/** Mean and standard deviation, by the errors that these have; `kurtosis` is E(x − μ)⁴ / σ⁴. */
function expectMoments(values: readonly number[], mean: number, deviation: number, kurtosis: number): void {
  const found = meanOf(values);
  const variance = meanOf(values.map((value) => (value - mean) ** 2));
  expect(Math.abs(found - mean)).toBeLessThan((sigmas * deviation) / Math.sqrt(values.length));
  expect(Math.abs(variance / deviation ** 2 - 1)).toBeLessThan(
    sigmas * Math.sqrt((kurtosis - 1) / values.length),
  );
}

/** Uniform in [low, high]: moments, and a tenth of the draws in each tenth of the range. */
function expectUniform(values: readonly number[], low: number, high: number): void {
  expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
  expect(Math.max(...values)).toBeLessThanOrEqual(high);
  expectMoments(values, (low + high) / 2, (high - low) / Math.sqrt(12), 1.8);
  for (let tenth = 0; tenth < 10; tenth++) {
    const from = low + ((high - low) * tenth) / 10;
    expectProbability(
      values.map((value) => value >= from && value < from + (high - low) / 10),
      0.1,
    );
  }
}

describe("flips", () => {
  test("with their probabilities, independent of each other", () => {
    const plans = plansOfStep(randomHorizontalFlip(0.3), randomVerticalFlip(0.2));
    expectProbability(
      plans.map(({ flip }) => flip),
      0.3,
    );
    expectProbability(
      plans.map(({ verticalFlip = false }) => verticalFlip),
      0.2,
    );
    expectProbability(
      plans.map(({ flip, verticalFlip = false }) => flip && verticalFlip),
      0.06,
    );
  });
});

describe("randomResizedCrop", () => {
  test("areas, logarithms of ratios, and places are uniform where every box fits", () => {
    const plans = plansOf(randomResizedCrop({ scale: [0.1, 0.5], ratio: [3 / 4, 4 / 3] }), 4000, 4000);
    expectUniform(
      plans.map(({ cropHeight, cropWidth }) => (cropHeight * cropWidth) / 16e6),
      0.0999,
      0.5001,
    );
    const bound = Math.log(4 / 3) + 0.001;
    expectUniform(
      plans.map(({ cropHeight, cropWidth }) => Math.log(cropWidth / cropHeight)),
      -bound,
      bound,
    );
    expectUniform(
      plans.map(({ cropY, cropHeight }) => cropY / (4000 - cropHeight)),
      0,
      1,
    );
    expectUniform(
      plans.map(({ cropX, cropWidth }) => cropX / (4000 - cropWidth)),
      0,
      1,
    );
    expectProbability(
      plans.map(({ flip }) => flip),
      0.5,
    );
  });

  test("the filter is one of both where it is random", () => {
    const plans = plansOf(randomResizedCrop({ interpolation: "random" }));
    expectProbability(
      plans.map(({ interpolation }) => interpolation === "bilinear"),
      0.5,
    );
  });
});

describe("colors", () => {
  test("colorJitter: uniform factors, every order alike", () => {
    const lists = operationsOf(
      colorJitter({ brightness: 0.4, contrast: [0.5, 0.9], saturation: 1.5, hue: 0.1 }),
    );
    const ranges = { brightness: [0.6, 1.4], contrast: [0.5, 0.9], saturation: [0, 2.5], hue: [-0.1, 0.1] };
    for (const [kind, [low, high]] of Object.entries(ranges)) {
      const factors = lists.map((list) =>
        (list as unknown as Operation[]).find((entry) => entry.kind === kind),
      );
      expectUniform(
        factors.map((found) => (found as { factor: number }).factor),
        low!,
        high!,
      );
    }
    const orders = new Map<string, number>();
    for (const list of lists) {
      const order = list.map(({ kind }) => kind).join(" ");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    for (const count of orders.values())
      expect(Math.abs(count - draws / 24)).toBeLessThan(sigmas * Math.sqrt((draws / 24) * (23 / 24)));
  });

  test("colorJitter leaves out what it does not change", () => {
    const kinds = new Set(
      operationsOf(colorJitter({ contrast: 0.2, hue: [0, 0] }))
        .flat()
        .map(({ kind }) => kind),
    );
    expect([...kinds]).toEqual(["contrast"]);
  });

  test("probabilities of gray, solarization and any step; widths of the blur", () => {
    const lists = operationsOf(
      randomGrayscale(0.2),
      randomSolarize(100, 0.35),
      randomApply(gaussianBlur({ sigma: [0.1, 2] }), 0.7),
    );
    const having = (kind: string) => lists.map((list) => list.find((entry) => String(entry.kind) === kind));
    expectProbability(having("grayscale").map(Boolean), 0.2);
    expectProbability(having("solarize").map(Boolean), 0.35);
    expectProbability(having("gaussianBlur").map(Boolean), 0.7);
    expectUniform(
      having("gaussianBlur").flatMap((blur) => (blur ? [blur.sigma!] : [])),
      0.1,
      2,
    );
  });
});

describe("randAugment", () => {
  test("two of 15 operations with replacement, each done half of the time", () => {
    const lists = operationsOf(randAugment("rand-m9-mstd0.5-inc1")) as unknown as Operation[][];
    expectProbability(
      lists.map(({ length }) => length === 2),
      0.25,
    );
    expectProbability(
      lists.map(({ length }) => length === 0),
      0.25,
    );
    const kinds = new Map<string, number>();
    for (const { kind } of lists.flat()) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    expect(kinds.size).toBe(randAugmentOperations.length);
    for (const count of kinds.values())
      expect(Math.abs(count - draws / 15)).toBeLessThan(sigmas * Math.sqrt((2 * draws) / 30));
  });

  test("magnitudes are normal, cut at 0 and 10; signs and filters are fair", () => {
    const lists = operationsOf(
      randAugment({ magnitude: 5, magnitudeStd: 1, layers: 8, probability: 1, increasing: true }),
    ).flat();
    const rotations = lists.filter(({ kind }) => String(kind) === "rotate");
    expectMoments(
      rotations.map(({ degrees }) => Math.abs(degrees!) / 3),
      5,
      1,
      3,
    );
    expectProbability(
      rotations.map(({ degrees }) => degrees! > 0),
      0.5,
    );
    expectProbability(
      rotations.map(({ interpolation }) => String(interpolation) === "bicubic"),
      0.5,
    );
    const factors = lists.filter(({ kind }) => String(kind) === "contrast").map(({ factor }) => factor!);
    expectMoments(
      factors.map((factor) => Math.abs(factor - 1) / 0.09),
      5,
      1,
      3,
    );
    const strong = operationsOf(
      randAugment({ magnitude: 10, magnitudeStd: 2, layers: 4, probability: 1 }),
    ).flat();
    const shears = strong
      .filter(({ kind }) => String(kind) === "shearX")
      .map(({ factor }) => Math.abs(factor!));
    expect(Math.max(...shears)).toBeCloseTo(0.3, 12);
    expectProbability(
      shears.map((factor) => factor > 0.29999),
      0.5,
    );
  });

  test("an infinite spread is a uniform magnitude", () => {
    const lists = operationsOf(
      randAugment({ magnitude: 8, magnitudeStd: Infinity, layers: 8, probability: 1 }),
    );
    const shares = lists.flat().filter(({ kind }) => String(kind) === "translateX");
    expectUniform(
      shares.map(({ share }) => Math.abs(share!) / 0.045),
      0,
      8,
    );
  });
});

describe("randomErasing", () => {
  test("with its probability; areas, logarithms of ratios and places uniform; counts even", () => {
    const rule = randomErasing({
      probability: 0.6,
      minArea: 0.02,
      maxArea: 0.2,
      minAspect: 0.5,
      maxCount: 3,
    });
    const lists = plansOfStep(rule).map(({ operations = [] }) => operations as readonly Erase[]);
    expectProbability(
      lists.map(({ length }) => length > 0),
      0.6,
    );
    const erased = lists.filter(({ length }) => length > 0);
    for (const count of [1, 2, 3])
      expectProbability(
        erased.map(({ length }) => length === count),
        1 / 3,
      );
    expectUniform(
      erased.flatMap((list) => list.map(({ height, width }) => height * width * list.length)),
      0.02,
      0.2,
    );
    const boxes = erased.flat();
    expectUniform(
      boxes.map(({ height, width }) => Math.log(height / width)),
      -Math.LN2 - 1e-9,
      Math.LN2 + 1e-9,
    );
    expectUniform(
      boxes.map(({ top }) => top),
      0,
      1,
    );
    expectUniform(
      boxes.map(({ left }) => left),
      0,
      1,
    );
    expectUniform(
      boxes.map(({ words }) => words[0] / 2 ** 32),
      0,
      1,
    );
    expect(new Set(boxes.map(({ words }) => words.join())).size).toBe(boxes.length);
  });
});

describe("mixup and CutMix", () => {
  const size = { batch: 2, height: 200, width: 100 };
  const plansFor = (options: Omit<Parameters<typeof planMixup>[0], "classes">, shape = size): MixPlan[] =>
    Array.from({ length: draws }, (_, step) =>
      planMixup({ classes: 3, ...options }, shape, new RandomStream({ seed: 5, purpose: "mixup", step })),
    ).map(([first]) => first!);
  /** Standard deviation and kurtosis of Beta(a, a). */
  const betaDeviation = (a: number) => Math.sqrt(1 / (4 * (2 * a + 1)));
  const betaKurtosis = (a: number) => 3 - 6 / (2 * a + 3);

  test.each([0.2, 0.8, 1, 4])("lambda of mixup is Beta(%d, same)", (mixupAlpha) => {
    const lambdas = plansFor({ mixupAlpha }).map(({ lambda }) => lambda);
    expectMoments(lambdas, 0.5, betaDeviation(mixupAlpha), betaKurtosis(mixupAlpha));
    if (mixupAlpha === 1) expectUniform(lambdas, 0, 1);
  });

  test("with its probability, and CutMix with the probability of the switch", () => {
    const plans = plansFor({ mixupAlpha: 0.8, cutmixAlpha: 1, probability: 0.7, switchProbability: 0.4 });
    expectProbability(
      plans.map(({ lambda, box }) => lambda !== 1 || box !== null),
      0.7,
    );
    expectProbability(
      plans.map(({ box }) => box !== null),
      0.28,
    );
  });

  test("boxes of CutMix have the area of 1 − lambda but where the border cuts them", () => {
    const plans = plansFor({ mixupAlpha: 0, cutmixAlpha: 1, correctLambda: false });
    const inside = plans.filter(({ box }) => {
      const { top, left, rows, columns } = box!;
      return top > 0 && left > 0 && top + rows < 200 && left + columns < 100;
    });
    expect(inside.length).toBeGreaterThan(1000);
    for (const { lambda, box } of inside) {
      const ratio = Math.sqrt(1 - lambda);
      expect([box!.rows, box!.columns]).toEqual([Math.trunc(200 * ratio), Math.trunc(100 * ratio)]);
    }
    expectUniform(
      plans.map(({ lambda }) => lambda),
      0,
      1,
    );
  });

  test("lambda is corrected to the share that is left", () => {
    for (const options of [{ cutmixAlpha: 1 }, { cutmixMinmax: [0.2, 0.6] as const }]) {
      for (const { lambda, box } of plansFor({ mixupAlpha: 0, ...options }))
        expect(lambda).toBe(1 - (box!.rows * box!.columns) / 20_000);
    }
  });

  test("cutmixMinmax: sides and places are uniform", () => {
    const boxes = plansFor(
      { mixupAlpha: 0, cutmixMinmax: [0.2, 0.6] },
      { ...size, height: 10_000, width: 10_000 },
    );
    expectUniform(
      boxes.map(({ box }) => box!.rows / 10_000),
      0.2,
      0.6,
    );
    expectUniform(
      boxes.map(({ box }) => box!.left / (10_000 - box!.columns)),
      0,
      1,
    );
  });

  test("modes: one draw a batch, a pair, a picture; partners are mirrored", () => {
    const planned = (mode: "batch" | "pair" | "elem") =>
      planMixup(
        { classes: 2, mode },
        { batch: 6, height: 8, width: 8 },
        new RandomStream({ seed: 1, purpose: "m" }),
      );
    const lambdas = (mode: "batch" | "pair" | "elem") => planned(mode).map(({ lambda }) => lambda);
    expect(new Set(lambdas("batch")).size).toBe(1);
    const [a, b, c, d, e, f] = lambdas("pair");
    expect([a, b, c]).toEqual([f, e, d]);
    expect(new Set([a, b, c]).size).toBe(3);
    expect(new Set(lambdas("elem")).size).toBe(6);
    expect(planned("elem").map(({ partner }) => partner)).toEqual([5, 4, 3, 2, 1, 0]);
  });
});
