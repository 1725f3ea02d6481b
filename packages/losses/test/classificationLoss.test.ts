import { tensor, zeros } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { classificationLoss } from "@splitmask/losses";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const logits = [
  [2, -1, 0.5],
  [0, 1, 3],
];

/** −Σ q·ln softmax from the definition, the mean of the rows. */
function slowLoss(targets: readonly (readonly number[])[]): number {
  const rows = logits.map((row, r) => {
    const sum = row.reduce((total, score) => total + Math.exp(score), 0);
    return -row.reduce((total, score, c) => total + targets[r]![c]! * Math.log(Math.exp(score) / sum), 0);
  });
  return rows.reduce((total, loss) => total + loss, 0) / rows.length;
}

test("classes, smoothed classes and distributions, each against the definition", async () => {
  const x = tensor(device, logits);
  const labels = tensor(device, Int32Array.of(0, 2));
  const oneHot = [
    [1, 0, 0],
    [0, 0, 1],
  ];
  expect(await classificationLoss(x, labels).item()).toBeCloseTo(slowLoss(oneHot), 6);
  const smoothed = oneHot.map((row) => row.map((share) => 0.7 * share + 0.1));
  expect(await classificationLoss(x, labels, { smoothing: 0.3 }).item()).toBeCloseTo(slowLoss(smoothed), 6);
  const mixed = [
    [0.25, 0.75, 0],
    [0.1, 0.2, 0.7],
  ];
  const soft = tensor(device, mixed);
  expect(await classificationLoss(x, soft).item()).toBeCloseTo(slowLoss(mixed), 6);
  const both = mixed.map((row) => row.map((share) => 0.7 * share + 0.1));
  expect(await classificationLoss(x, soft, { smoothing: 0.3 }).item()).toBeCloseTo(slowLoss(both), 6);
});

test("the gradient is (softmax − target) / B", async () => {
  const x = tensor(device, logits, undefined, { requiresGrad: true });
  const targets = [
    [0.25, 0.75, 0],
    [0.1, 0.2, 0.7],
  ];
  classificationLoss(x, tensor(device, targets)).backward();
  const gradient = (await x.grad!.data()) as Float32Array;
  for (const [r, row] of logits.entries()) {
    const sum = row.reduce((total, score) => total + Math.exp(score), 0);
    for (const [c, score] of row.entries())
      expect(gradient[3 * r + c]).toBeCloseTo((Math.exp(score) / sum - targets[r]![c]!) / 2, 6);
  }
});

test.each([
  [() => classificationLoss(zeros(device, [2, 3]), tensor(device, Int32Array.of(0)))],
  [() => classificationLoss(zeros(device, [2, 3]), zeros(device, [2, 4]))],
  [() => classificationLoss(zeros(device, [2, 3]), zeros(device, [2]))],
  [() => classificationLoss(zeros(device, [2, 3, 4]), zeros(device, [2, 3]))],
])("shapes that do not fit are named %#", (call) => {
  expect(call).toThrow(
    new RegExp(
      /^classificationLoss: logits are .*; expected B×C logits and one class a picture \(int32 B\) /.source +
        /or one distribution a picture \(float32 B×C\)\.$/.source,
    ),
  );
});
