import { reshape, tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { inpaintLoss, inpaintLossFromTokens } from "@splitmask/losses";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

/** The paper's term, one hidden patch after the other. */
function slowLoop(logits: number[][], words: number[]): number {
  let total = 0;
  for (const [row, scores] of logits.entries()) {
    let partition = 0;
    for (const score of scores) partition += Math.exp(score);
    total += -Math.log(Math.exp(scores[words[row]!]!) / partition);
  }
  return total / logits.length;
}

test("is the mean negative log-probability of the words", async () => {
  const logits = [
    [0.1, -1.2, 2, 0.3],
    [1.1, 0.2, -0.4, 0.9],
    [0, 0, 0, 0],
  ];
  const words = [2, 1, 3];
  const loss = inpaintLoss(tensor(device, logits), tensor(device, Int32Array.from(words)));
  expect(await loss.item()).toBeCloseTo(slowLoop(logits, words), 6);
});

test("is ln V for a prediction that knows nothing, and does not change when a row is shifted", async () => {
  const words = tensor(device, Int32Array.of(0, 4));
  expect(await inpaintLoss(tensor(device, new Float32Array(10), [2, 5]), words).item()).toBeCloseTo(
    Math.log(5),
    6,
  );
  const scores = [1, 2, 3, 4, 5, 5, 3, 1, 2, 4];
  const plain = await inpaintLoss(tensor(device, scores, [2, 5]), words).item();
  const shifted = await inpaintLoss(
    tensor(
      device,
      scores.map((score) => score + 100),
      [2, 5],
    ),
    words,
  ).item();
  expect(shifted).toBeCloseTo(plain, 4);
});

test.each([
  ["plain", 0],
  ["smooth", 0.1],
] as const)("agrees with PyTorch with all gradients (%s)", async (label, smoothing) => {
  const fixture = await ModelFixture.read(new URL("fixtures/losses.safetensors", import.meta.url));
  const words = fixture.upload(device, "input.targets");
  const logits = fixture.upload(device, "input.logits", true);
  const loss = inpaintLoss(logits, words, { smoothing });
  loss.backward();
  const errors = {
    loss: await fixture.error(loss, `inpaint.${label}.loss`),
    logits: await fixture.error(logits.grad, `inpaint.${label}.logits`),
  };
  for (const [name, error] of Object.entries(errors))
    expect([name, error]).toEqual([name, expect.closeTo(0, 5)]);
});

test.each([
  ["plain", 0],
  ["smooth", 0.1],
] as const)("with the vocabulary head agrees with PyTorch (%s, smoothing %d)", async (label, smoothing) => {
  const fixture = await ModelFixture.read(new URL("fixtures/losses.safetensors", import.meta.url));
  const words = reshape(fixture.upload(device, "input.targets"), [2, 7]);
  const leaves = {
    features: fixture.upload(device, "input.features", true),
    weight: fixture.upload(device, "input.weight", true),
    bias: fixture.upload(device, "input.bias", true),
  };
  const tokens = reshape(leaves.features, [2, 7, 12]);
  const loss = inpaintLossFromTokens(tokens, leaves.weight, leaves.bias, words, { smoothing });
  loss.backward();
  expect(await fixture.error(loss, `inpaint.${label}.loss`)).toBeLessThan(1e-6);
  for (const [name, leaf] of Object.entries(leaves)) {
    const error = await fixture.error(leaf.grad, `inpaint.${label}.${name}`);
    expect([name, error]).toEqual([name, expect.closeTo(0, 5)]);
  }
});

test("says what is wrong with its inputs", () => {
  const logits = tensor(device, new Float32Array(12), [3, 4]);
  expect(() => inpaintLoss(logits, tensor(device, Int32Array.of(1, 2)))).toThrow(
    "inpaintLoss: logits are 3×4 and words are int32 2; " +
      "expected int32 words, one for each of the 3 rows of logits, and at least one row.",
  );
  const weight = tensor(device, new Float32Array(10), [2, 5]);
  expect(() => inpaintLossFromTokens(logits, weight, null, tensor(device, Int32Array.of(1, 0, 1)))).toThrow(
    "inpaintLossFromTokens: tokens are 3×4 and the head's weight is 2×5; expected a weight of words×4.",
  );
});
