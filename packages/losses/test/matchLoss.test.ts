import { RandomStream, tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { type MatchLossOptions, matchLoss } from "@splitmask/losses";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

type Rows = number[][];

function randomRows(seed: number, images: number, width: number): Rows {
  const stream = new RandomStream({ seed, purpose: "test" });
  return Array.from({ length: images }, () => Array.from({ length: width }, () => stream.uniform(-1, 1)));
}

/** Eq. 2 of the paper for each image and each direction, with −log, averaged. */
function slowLoop(first: Rows, second: Rows, options: Required<MatchLossOptions>): number {
  const unit = (row: number[]) => row.map((value) => value / Math.hypot(...row));
  const [a, b] = options.normalize ? [first.map(unit), second.map(unit)] : [first, second];
  const product = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  let total = 0;
  for (const [own, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (let i = 0; i < own.length; i++) {
      const positive = Math.exp(product(own[i]!, other[i]!) / options.temperature);
      let negatives = 0;
      for (let j = 0; j < own.length; j++) {
        if (j === i) continue;
        negatives += Math.exp(product(own[i]!, other[j]!) / options.temperature);
        if (options.negatives === "both")
          negatives += Math.exp(product(own[i]!, own[j]!) / options.temperature);
      }
      total += -Math.log(positive / (positive + negatives));
    }
  }
  return total / (2 * first.length);
}

const variants = [true, false].flatMap((normalize) =>
  (["other", "both"] as const).map((negatives) => ({ normalize, negatives })),
);

test.each(variants)("is Eq. 2 of the paper (%o)", async (variant) => {
  for (const [images, width, temperature] of [
    [2, 3, 0.2],
    [7, 5, 1],
  ] as const) {
    const [first, second] = [randomRows(1, images, width), randomRows(2, images, width)];
    const options = { ...variant, temperature };
    const loss = await matchLoss(tensor(device, first), tensor(device, second), options).item();
    expect(loss).toBeCloseTo(slowLoop(first, second, options), 5);
  }
});

test.each(variants)("agrees with PyTorch with all gradients (%o)", async ({ normalize, negatives }) => {
  const fixture = await ModelFixture.read(new URL("fixtures/losses.safetensors", import.meta.url));
  const leaves = {
    first: fixture.upload(device, "input.first", true),
    second: fixture.upload(device, "input.second", true),
  };
  const label = `match.${negatives}.${normalize ? "normalized" : "plain"}`;
  const loss = matchLoss(leaves.first, leaves.second, { normalize, negatives });
  loss.backward();
  expect(await fixture.error(loss, `${label}.loss`)).toBeLessThan(1e-5);
  for (const [name, leaf] of Object.entries(leaves)) {
    const error = await fixture.error(leaf.grad, `${label}.${name}`);
    expect([name, error]).toEqual([name, expect.closeTo(0, 4)]);
  }
});

test("at the smallest temperatures a match costs nothing, a mistake its distance over the temperature", async () => {
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const first = tensor(device, Float32Array.from(identity), [3, 3]);
  const shifted = tensor(device, Float32Array.from([...identity.slice(3), ...identity.slice(0, 3)]), [3, 3]);
  for (const temperature of [1e-3, 1e-30]) {
    for (const negatives of ["other", "both"] as const) {
      expect(await matchLoss(first, first, { temperature, negatives }).item()).toBe(0);
      const mistaken = await matchLoss(first, shifted, { temperature, negatives }).item();
      expect(mistaken * temperature).toBeCloseTo(1, 6);
    }
  }
});

test("defaults to cosines at temperature 0.2 against the other branch", async () => {
  const [first, second] = [randomRows(3, 5, 4), randomRows(4, 5, 4)];
  const loss = await matchLoss(tensor(device, first), tensor(device, second)).item();
  expect(loss).toBeCloseTo(
    slowLoop(first, second, { normalize: true, negatives: "other", temperature: 0.2 }),
    5,
  );
});

test("does not care for the branches' order, the images' order or the descriptors' lengths", async () => {
  const [first, second] = [randomRows(5, 6, 4), randomRows(6, 6, 4)];
  const of = (a: Rows, b: Rows) => matchLoss(tensor(device, a), tensor(device, b)).item();
  const loss = await of(first, second);
  expect(await of(second, first)).toBeCloseTo(loss, 6);
  expect(await of([...first].reverse(), [...second].reverse())).toBeCloseTo(loss, 6);
  expect(
    await of(
      first.map((row, i) => row.map((value) => value * (i + 1))),
      second,
    ),
  ).toBeCloseTo(loss, 6);
});

test("is ln(1 + negatives) where all descriptors are alike, near 0 where pairs are apart from the rest", async () => {
  const alike = Array.from({ length: 4 }, () => [1, 2, 3]);
  const same = tensor(device, alike);
  expect(await matchLoss(same, same).item()).toBeCloseTo(Math.log(4), 6);
  expect(await matchLoss(same, same, { negatives: "both" }).item()).toBeCloseTo(Math.log(7), 6);
  const apart = tensor(device, [
    [1, 0],
    [-1, 0],
  ]);
  expect(await matchLoss(apart, apart).item()).toBeCloseTo(Math.log(1 + Math.exp(-10)), 6);
});

test("says what is wrong with its inputs", () => {
  const rows = (images: number, width: number) =>
    tensor(device, new Float32Array(images * width), [images, width]);
  expect(() => matchLoss(rows(3, 4), rows(3, 5))).toThrow(
    "matchLoss: first is 3×4 and second is 3×5; expected two N×D tensors of the same shape, one descriptor a row.",
  );
  expect(() => matchLoss(rows(1, 4), rows(1, 4))).toThrow(
    "matchLoss: the batch has 1 image(s), so there are no negatives. " +
      "Use a batch of at least 2, or switch the match loss off (weight 0).",
  );
  for (const temperature of [Number.NaN, -1, 1e-39]) {
    expect(() => matchLoss(rows(2, 4), rows(2, 4), { temperature })).toThrow(
      `matchLoss: the temperature is ${temperature}; expected a positive number`,
    );
  }
  expect(() => matchLoss(rows(2, 4), rows(2, 4), { temperature: 0 })).toThrow(
    "matchLoss: the temperature is 0; expected a positive number, e.g. 0.2.",
  );
});
