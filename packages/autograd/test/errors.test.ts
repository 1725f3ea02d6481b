import {
  add,
  argmaxProduct,
  attention,
  bernoulli,
  binCount,
  clamp,
  concatenate,
  conv2d,
  convTranspose2d,
  crossEntropy,
  cumsum,
  dropout,
  dropPath,
  embedding,
  equal,
  equalShare,
  expand,
  gatherIntegers,
  gatherTokens,
  greater,
  layerNorm,
  less,
  linear,
  linearCrossEntropy,
  matmul,
  max,
  maximum,
  maxPool2d,
  mean,
  mlp,
  permute,
  pow,
  reshape,
  scaleColumns,
  scaleRows,
  scatterTokens,
  slice,
  split,
  stack,
  sum,
  type Tensor,
  tensor,
  topK,
  transpose,
  upsampleNearest,
  variance,
  where,
  zeros,
} from "@splitmask/autograd";
import { withSecondCopy } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 1 });
const other = createDevice({ threads: 1 });
afterAll(() => {
  device.close();
  other.close();
});

const of = (...shape: number[]): Tensor => zeros(device, shape);
const integers = (...shape: number[]): Tensor => zeros(device, shape, { dtype: "int32" });
const key = { seed: 1, purpose: "test" };

const wrong: [() => unknown, string][] = [
  [
    () => where(of(3), of(3), 0),
    "where: condition is 3 float32; expected uint8, as comparisons give it, e.g. greater(x, 0).",
  ],
  [
    () => where(greater(of(3), 0), of(3), integers(3)),
    "where: input is 3 float32 and other is 3 int32; expected one dtype: float32, float64 or int32. Cast one of",
  ],
  [
    () => where(greater(of(3), 0), of(3), of(2)),
    "where: condition is 3, input is 3 and other is 2; aligned at the last axis, extents have to be equal or 1.",
  ],
  [() => maximum(of(2, 3), of(4)), "maximum: a is 2×3 and b is 4; aligned at the last axis"],
  [() => pow(2, 3), "pow: a and b are numbers; expected at least one tensor."],
  [
    () => less(integers(2), 0.5),
    "less: 0.5 beside 2 int32; expected a whole number. Make the tensor floating first",
  ],
  [
    () => equal(of(2), integers(2)),
    'equal: a is 2 float32 and b is 2 int32; both need the same dtype. Cast one of them, e.g. cast(b, "float32").',
  ],
  [
    () => clamp(of(2), {}),
    "clamp: neither min nor max is given; expected one or both, e.g. clamp(x, { min: 0 }).",
  ],
  [() => clamp(of(2), { max: Number.NaN }), "clamp: max is NaN; expected a number, or leave it out."],
  [() => cumsum(of(2, 3), 2), "cumsum: axis 2 does not exist in a tensor of rank 2"],
  [() => max(of(3, 0), { axes: 1 }), "max: there is no element along axes of extent 0 in 3×0."],
  [
    () => variance(of(3, 1), { axes: 1 }),
    "variance: 1 elements of 3×1 with the correction 1; expected more elements than that. Give { correction: 0 }",
  ],
  [
    () => expand(of(3), [2, 4]),
    "expand: x is 3 and cannot become 2×4: aligned at the last axis, its extents have",
  ],
  [() => stack([of(2), of(3)]), "stack: tensor 1 is 3; expected 2, the shape of tensor 0."],
  [() => stack([]), "stack: the list is empty; expected at least one tensor."],
  [
    () => split(of(2, 5), [2, 2], 1),
    "split: the lengths [2, 2] are 4 together, and axis 1 of x, 2×5, has 5.",
  ],
  [
    () => dropout(of(2), { probability: 2, training: true, key }),
    "dropout: probability is 2; expected a number from 0 to 1.",
  ],
  [
    () => dropout(of(3), { probability: 0.5, training: true, key, rows: { first: 0, count: 2, total: 2 } }),
    "dropout: x has 3 rows, said to be 2 of 2 samples from number 0 on; expected rows within the batch",
  ],
  [
    () => embedding(of(4, 2), integers(3), { paddingIndex: 4 }),
    "embedding: paddingIndex is 4 and weight is 4×2; expected a whole number from -4 to 3.",
  ],
  [() => embedding(of(4, 2), of(3)), "embedding: indices is 3 float32; expected int32."],
  [
    () => matmul(of(4, 196, 384), of(512, 384)),
    "matmul: a is 4×196×384 and b is 512×384: the inner sizes 384 and 512 differ. " +
      "Did you mean matmul(a, b, {transposeB: true})?",
  ],
  [
    () => linear(zeros(device, [2, 3], { dtype: "bfloat16" }), of(4, 3), null),
    'linear: x is 2×3 bfloat16 and precision is "float32"; expected float32 or float64. ' +
      'Give { precision: "bfloat16" }',
  ],
  [
    () =>
      linear(zeros(device, [2, 3], { dtype: "bfloat16" }), of(4, 3), null, {
        inputActivation: "gelu",
        precision: "bfloat16",
      }),
    'linear: x is 2×3 bfloat16 and inputActivation "gelu"; expected float32 or float64 for an input that is',
  ],
  [
    () =>
      mlp(
        of(2, 3),
        { weight: of(8, 3), bias: null },
        { weight: of(4, 7), bias: null },
        { precision: "bfloat16" },
      ),
    "mlp: x is 2×8 and weight is 4×7 (out×in): the last axis of x has 8 elements, expected 7.",
  ],
  [() => matmul(of(3, 2), of(3, 4)), "Did you mean matmul(a, b, {transposeA: true})?"],
  [() => matmul(of(2, 3), of(5, 7)), "the inner sizes 3 and 5 differ."],
  [() => matmul(of(3), of(3, 1)), "matmul: a is 3; expected at least two axes."],
  [() => matmul(of(2, 3, 4), of(5, 4, 3)), "the batch axes 2 and 5 differ"],
  [
    () => add(of(2, 3), of(4)),
    "add: a is 2×3 and b is 4; aligned at the last axis, extents have to be equal or 1. Reshape one of them",
  ],
  [
    () => add(of(2), zeros(device, [2], { dtype: "float64" })),
    "add: a is 2 float32 and b is 2 float64; both need the same dtype.",
  ],
  [() => add(of(2), integers(2)), "add: b is 2 int32; expected float32 or float64."],
  [
    () => add(of(2), zeros(other, [2])),
    "add: a and b are on different devices. Make both with the same device, e.g. tensor(a.device, await b.toHost()).",
  ],
  [
    () => linear(of(2, 3), of(5, 4), null),
    "linear: x is 2×3 and weight is 5×4 (out×in): the last axis of x has 3 elements, expected 4.",
  ],
  [() => linear(of(2, 5), of(5, 4), null), "Is weight stored in×out?"],
  [
    () => linear(of(2, 4), of(5, 4), of(4)),
    "linear: bias is 4; expected 5, one number for each row of weight.",
  ],
  [
    () => linear(of(2, 4), of(5, 4), null, { residual: of(2, 4) }),
    "linear: residual is 2×4; expected 2×5, the output's shape.",
  ],
  [() => layerNorm(of(2, 4), of(3)), "layerNorm: weight is 3; expected 4, the last axis of x."],
  [() => layerNorm(of()), "layerNorm: x is a scalar; expected at least one axis."],
  [
    () => attention(of(2, 4, 36), { heads: 5 }),
    "attention: qkv is 2×4×36 and heads is 5: 36 is not a multiple of 3·5.",
  ],
  [() => attention(of(4, 36), { heads: 3 }), "attention: qkv is 4×36; expected B×N×3D"],
  [() => reshape(of(2, 3), [4, -1]), "reshape: x is 2×3 with 6 elements and cannot become [4, -1]"],
  [
    () => permute(of(2, 3), [0, 0]),
    "permute: the order [0, 0] does not fit x, 2×3; name each axis from 0 to 1 once.",
  ],
  [() => transpose(of(2)), "transpose: x is 2; expected at least two axes."],
  [
    () => slice(of(2, 3), 1, 2, 4),
    "slice: the range 2 … 4 does not lie in axis 1 of x, 2×3; expected 0 ≤ start ≤ end ≤ 3.",
  ],
  [
    () => slice(of(2, 3), 2, 0),
    "slice: axis 2 does not exist in a tensor of rank 2; expected an integer from -2 to 1.",
  ],
  [() => concatenate([], 0), "concatenate: the list is empty"],
  [
    () => concatenate([of(2, 3), of(2, 4)], 0),
    "concatenate: tensor 0 is 2×3 and tensor 1 is 2×4; along axis 0",
  ],
  [() => gatherTokens(of(2, 3, 4), of(2, 2)), "gatherTokens: indices is 2×2 float32; expected int32."],
  [() => gatherTokens(of(2, 3, 4), integers(3, 2)), "2 and 3 samples"],
  [() => scatterTokens(of(2, 3, 4), integers(2, 2), 5), "expected one index for each token, 2×3"],
  [
    () => scaleRows(of(2, 3), of(3)),
    "scaleRows: x is 2×3 and rowScale is 3; expected the leading axes of x, e.g. 2.",
  ],
  [() => scaleColumns(of(2, 3), of(2)), "scaleColumns: columnScale is 2; expected 3, the last axis of x."],
  [
    () => dropPath(of(2, 3), { probability: 1, training: true, key }),
    "dropPath: probability is 1; expected a number in [0, 1).",
  ],
  [
    () =>
      dropPath(of(3, 3), { probability: 0.5, training: true, key, rows: { first: 2, count: 2, total: 8 } }),
    "dropPath: x has 3 rows, said to be 2 of 8 samples from number 2 on; " +
      "expected rows within the batch, and x to have them once or several times.",
  ],
  [
    () => bernoulli(device, [2], { probability: 2, key }),
    "bernoulli: probability is 2; expected a number from 0 to 1.",
  ],
  [() => crossEntropy(of(2, 3, 4), integers(2)), "crossEntropy: logits is 2×3×4; expected R×C"],
  [
    () => crossEntropy(of(2, 3), integers(3)),
    "crossEntropy: targets is 3; expected 2, one class for each row of logits.",
  ],
  [() => crossEntropy(of(2, 3), integers(2), { smoothing: 1 }), "crossEntropy: smoothing is 1"],
  [
    () => crossEntropy(of(2, 3), of(2, 4)),
    "crossEntropy: targets is 2×4; expected 2×3, one distribution over the classes for each row of logits.",
  ],
  [
    () => crossEntropy(of(2, 3), of(2, 3), { excludeDiagonal: 0 }),
    "crossEntropy: excludeDiagonal is 0, but targets are distributions over all classes; " +
      "give one class a row (int32), or leave it out.",
  ],
  [() => crossEntropy(of(0, 3), integers(0)), "there is nothing to average"],
  [() => linearCrossEntropy(of(2, 3), of(5, 4), null, integers(2)), "the widths 3 and 4 differ"],
  [() => sum(of(2, 3), { axes: [0, -3] }), "sum: axis -3 does not exist in a tensor of rank 2"],
  [() => mean(of(2, 0)), "mean: there is nothing to average"],
  [() => topK(of(2, 3), 4), "topK: k is 4 and x is 2×3; expected a whole number from 1 to 3."],
  [() => binCount(of(2), 4), "binCount: x is 2 float32; expected int32."],
  [() => equalShare(integers(2), integers(3)), "equalShare: b is 3; expected 2, the shape of a."],
  [() => gatherIntegers(integers(2, 3), integers(3, 1)), "expected the same number of rows"],
  [
    () => conv2d(of(2, 3, 8, 8), of(4, 5, 3, 3), null),
    "conv2d: input is 2×3×8×8 and weight is 4×5×3×3 (O×C×kH×kW): the input has 3 channels, expected 5.",
  ],
  [() => conv2d(of(3, 8, 8), of(4, 3, 3, 3), null), "conv2d: input is 3×8×8; expected B×C×H×W."],
  [
    () => conv2d(of(2, 3, 4, 4), of(4, 3, 7, 7), null, { padding: 1 }),
    "conv2d: input is 2×3×4×4, weight is 4×3×7×7 and padding is 1; " +
      "expected a kernel of at least 1×1 that fits in the padded input.",
  ],
  [() => conv2d(of(2, 3, 4, 4), of(4, 3, 3, 3), of(3)), "conv2d: bias is 3; expected 4"],
  [
    () => conv2d(of(2, 3, 4, 4), of(4, 3, 3, 3), null, { stride: 0 }),
    "conv2d: stride is 0; expected a whole number ≥ 1.",
  ],
  [
    () => convTranspose2d(of(2, 3, 4, 4), of(4, 3, 3, 3), null),
    "(C×O×kH×kW): the input has 3 channels, expected 4.",
  ],
  [
    () => convTranspose2d(of(2, 3, 4, 4), of(3, 4, 3, 3), null, { stride: 2, outputPadding: 2 }),
    "convTranspose2d: outputPadding is 2 and stride is 2; expected less than the stride.",
  ],
  [
    () => convTranspose2d(of(2, 3, 1, 4), of(3, 4, 3, 3), null, { padding: 2 }),
    "convTranspose2d: input is 2×3×1×4, weight is 3×4×3×3 and padding is 2: the output would be -1×2; ",
  ],
  [
    () => maxPool2d(of(2, 3, 4, 1), { kernelSize: 2 }),
    "maxPool2d: input is 2×3×4×1 and kernelSize is 2; expected H and W of at least the kernel size.",
  ],
  [
    () => upsampleNearest(of(2, 3, 4, 4), 1.5),
    "upsampleNearest: factor is 1.5; expected a whole number ≥ 1.",
  ],
  [() => argmaxProduct(of(2, 3), of(4, 5)), "expected M×K and N×K with the same K"],
];

test.each(wrong.map(([call, text]) => [text, call] as const))("%s", (text, call) => {
  expect(call).toThrow(text);
});

test.each([
  ["gatherTokens", () => gatherTokens(of(3, 2), tensor(device, Int32Array.of(5), [1, 1]))],
  ["scatterAddTokens", () => scatterTokens(of(1, 1, 2), tensor(device, Int32Array.of(-1), [1, 1]), 3)],
  ["crossEntropy", () => crossEntropy(of(1, 3), tensor(device, Int32Array.of(3)))],
  ["binCount", () => binCount(tensor(device, Int32Array.of(7)), 3)],
] as const)("what only the device sees reaches the next await with the name %s", async (name, call) => {
  await expect(call().data()).rejects.toThrow(name);
  await device.synchronize();
});

test("two plain numbers are no operands", () => {
  expect(() => add(1, 2)).toThrow("add: a and b are numbers; expected at least one tensor.");
});

test("a tensor of another copy of the package is named as such", () =>
  withSecondCopy<typeof import("@splitmask/autograd")>(".", (second) => {
    expect(() => add(zeros(device, [2]), second.zeros(device, [2]))).toThrow(
      /^add: b is a tensor of another copy of @splitmask\/autograd \(file:.*\.copy-.*; this one is file:.*npm ls/,
    );
    expect(() => matmul([1] as never, zeros(device, [2, 2]))).toThrow(
      "matmul: a is object; expected a tensor.",
    );
  }));
