import { l2Normalize, normal, softmax, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { contrastiveLoss, distillationLoss, sigregLoss } from "@splitmask/losses";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const draw = (shape: number[], seed: number) => normal(device, shape, { key: { seed, purpose: "rows" } });

async function rowsOf(x: Tensor): Promise<number[][]> {
  const [rows, columns] = x.shape as [number, number];
  const values = Array.from(await x.data(), Number);
  return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

const logSoftmax = (row: number[]) => {
  const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  return row.map((value) => value - total);
};

test.each([
  [2, 4],
  [2, 2],
  [1, 3],
])("distillationLoss: the formula, pair by pair, %i global of %i views", async (globals, views) => {
  const student = Array.from({ length: views }, (_, view) => draw([3, 5], view));
  const teacher = Array.from({ length: globals }, (_, view) => softmax(draw([3, 5], 10 + view)));
  const [said, taught] = [await Promise.all(student.map(rowsOf)), await Promise.all(teacher.map(rowsOf))];
  const terms: number[] = [];
  for (const [t, targets] of taught.entries()) {
    for (const [s, logits] of said.entries()) {
      if (s === t) continue;
      for (const [row, target] of targets.entries()) {
        const logarithms = logSoftmax(logits[row]!);
        terms.push(-target.reduce((sum, p, k) => sum + p * logarithms[k]!, 0));
      }
    }
  }
  const expected = terms.reduce((sum, term) => sum + term / terms.length, 0);
  expect(await distillationLoss(student, teacher).item()).toBeCloseTo(expected, 5);
});

test("distillationLoss: what does not fit", () => {
  const [a, b] = [draw([3, 5], 1), draw([3, 4], 2)];
  expect(() => distillationLoss([a], [a])).toThrow(
    "distillationLoss: there are 1 views of the student and 1 of the teacher; expected one or more global views",
  );
  expect(() => distillationLoss([a, b], [a])).toThrow(
    "distillationLoss: one view is 3×4 and the student's first is 3×5",
  );
});

test("contrastiveLoss: the formula, and no gradient to the keys", async () => {
  const [queries, keys] = [draw([4, 6], 3), draw([4, 6], 4)];
  queries.requiresGrad = true;
  keys.requiresGrad = true;
  const [q, k] = [await rowsOf(queries), await rowsOf(keys)];
  const cosine = (x: number[], y: number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0) / (Math.hypot(...x) * Math.hypot(...y));
  const terms = q.map((query, row) => -logSoftmax(k.map((key) => cosine(query, key) / 0.5))[row]!);
  const expected = terms.reduce((sum, term) => sum + term / 4, 0);
  const loss = contrastiveLoss(queries, keys, 0.5);
  expect(await loss.item()).toBeCloseTo(2 * 0.5 * expected, 5);
  loss.backward();
  expect(queries.grad).not.toBeNull();
  expect(keys.grad).toBeNull();
  expect(() => contrastiveLoss(queries, draw([4, 5], 1))).toThrow(
    "contrastiveLoss: queries are 4×6 and keys are 4×5; expected two B×D tensors of the same shape",
  );
  expect(() => contrastiveLoss(queries, keys, 0)).toThrow("contrastiveLoss: the temperature is 0;");
});

test("sigregLoss: the statistic of the paper's algorithm, by direction", async () => {
  const [embeddings, directions] = [draw([7, 3], 5), l2Normalize(draw([4, 3], 6))];
  const [rows, ways] = [await rowsOf(embeddings), await rowsOf(directions)];
  const points = Array.from({ length: 17 }, (_, index) => -5 + 0.625 * index);
  let expected = 0;
  for (const way of ways) {
    const along = rows.map((row) => row.reduce((sum, value, i) => sum + value * way[i]!, 0));
    const errors = points.map((t) => {
      const part = (f: (angle: number) => number) => along.reduce((sum, x) => sum + f(t * x) / 7, 0);
      const gaussian = Math.exp(-0.5 * t ** 2);
      return ((part(Math.cos) - gaussian) ** 2 + part(Math.sin) ** 2) * gaussian;
    });
    for (let index = 1; index < 17; index++)
      expected += (7 * (0.625 * (errors[index - 1]! + errors[index]!))) / 2 / ways.length;
  }
  expect(await sigregLoss(embeddings, directions).item()).toBeCloseTo(expected, 5);
  expect(() => sigregLoss(embeddings, draw([4, 2], 1))).toThrow(
    "sigregLoss: embeddings are 7×3 and directions are 4×2; expected N×D and M×D.",
  );
});
