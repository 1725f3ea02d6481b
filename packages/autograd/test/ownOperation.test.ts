import {
  add,
  affine,
  checkpoint,
  defineOperation,
  type InputGradients,
  keep,
  mean,
  multiply,
  noGrad,
  observeOperations,
  perform,
  rsqrt,
  scope,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import { checkGradient } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const leaf = (values: number[], dtype: "float32" | "float64" = "float32") =>
  tensor(device, values, undefined, { dtype, requiresGrad: true });
const numbers = async (x: Tensor) => [...(await x.data())];

// y = x/√(mean(x²) + ε)·w, made of other operations, with what it saves and attributes of its own.
const rmsNormOperation = defineOperation({
  name: "rmsNorm",
  forward: ({ x, weight }: { x: Tensor; weight: Tensor }, { epsilon }: { epsilon: number }) => {
    const root = rsqrt(affine(mean(square(x), { axes: -1, keepDimensions: true }), 1, epsilon));
    return { output: multiply(multiply(x, root), weight), saved: { x, root, weight } };
  },
  gradient: ({ outputGradient, saved: { x, root, weight } }) => {
    const normalized = multiply(x, root);
    const scaled = multiply(outputGradient, weight);
    const along = mean(multiply(scaled, normalized), { axes: -1, keepDimensions: true });
    return {
      x: multiply(root, add(scaled, affine(multiply(normalized, along), -1))),
      weight: sum(multiply(outputGradient, normalized), { axes: 0 }),
    };
  },
});
const rmsNorm = (x: Tensor, weight: Tensor) => perform(rmsNormOperation, { x, weight }, { epsilon: 1e-6 });
const rows = (dtype: "float32" | "float64" = "float32") =>
  tensor(device, [1, -2, 3, 0.5, 0.25, -1], [2, 3], { dtype, requiresGrad: true });

const identity = defineOperation({
  name: "identity",
  forward: ({ x }: { x: Tensor }) => ({ output: x, saved: {} }),
  gradient: ({ outputGradient }) => ({ x: outputGradient }),
});

describe("an operation of one's own", () => {
  test("has the gradients of its rule, in float64 those of difference quotients", () =>
    checkGradient(device, ({ x, weight }) => rmsNorm(x, weight), {
      x: rows("float64"),
      weight: leaf([1, 0.5, -2], "float64"),
    }));

  test("has the same gradients behind a checkpoint, beside other operations and where not all are wanted", async () => {
    const gradients = async (compute: (x: Tensor, weight: Tensor) => Tensor) => {
      const x = rows();
      const weight = leaf([1, 0.5, -2]);
      sum(square(compute(affine(x, 2), weight))).backward();
      return [await numbers(x.grad!), await numbers(weight.grad!)];
    };
    const plain = await gradients(rmsNorm);
    expect(plain.flat().some((value) => value !== 0)).toBe(true);
    expect(
      await gradients((x, weight) => checkpoint((given) => rmsNorm(given, weight), x, [weight])),
    ).toEqual(plain);
    const weight = leaf([1, 0.5, -2]);
    sum(square(rmsNorm(affine(rows(), 2).detach(), weight))).backward();
    expect(await numbers(weight.grad!)).toEqual(plain[1]);
  });

  test("keeps what it saves and nothing of what lies between, and gives it back", () => {
    const x = rows();
    const weight = leaf([1, 0.5, -2]);
    const before = device.memory().liveBuffers;
    const y = rmsNorm(x, weight);
    expect(device.memory().liveBuffers).toBe(before + 2); // the output and the root
    const loss = sum(y);
    loss.backward();
    for (const handle of [y, loss]) handle.dispose();
    expect(device.memory().liveBuffers).toBe(before + 2); // the two gradients
    const scoped = noGrad(device, () => rmsNorm(x, weight));
    expect(scoped.requiresGrad).toBe(false);
    expect(device.memory().liveBuffers).toBe(before + 3);
  });

  test("records nothing inside: one node, and its name is what an observer hears around the others", () => {
    const heard: string[] = [];
    const observer = {
      begins: ({ name, direction }: { name: string; direction: string }) =>
        heard.push(`${direction} ${name}`),
      ends: ({ name }: { name: string }) => heard.push(`end ${name}`),
    };
    observeOperations(device, observer, () =>
      rmsNorm(rows(), leaf([1, 1, 1])).backward(zeros(device, [2, 3])),
    );
    expect(heard[0]).toBe("forward rmsNorm");
    expect(heard[1]).toBe("forward square");
    expect(heard.filter((name) => name.startsWith("backward"))).toEqual(["backward rmsNorm"]);
    expect(heard.at(-1)).toBe("end rmsNorm");
  });

  test("may return an input, also a leaf, and leaves that as it was", async () => {
    const x = leaf([1, 2]);
    const y = perform(identity, { x });
    expect(y).not.toBe(x);
    expect(x.isLeaf).toBe(true);
    expect(y.buffer).toBe(x.buffer);
    sum(multiply(y, x)).backward();
    expect(await numbers(x.grad!)).toEqual([2, 4]);
    expect(await numbers(x)).toEqual([1, 2]);
  });

  test("may save and return tensors that it holds for itself", async () => {
    const mask = keep(tensor(device, [1, 0]));
    const masked = defineOperation({
      name: "masked",
      forward: ({ x, y }: { x: Tensor; y: Tensor }) => ({
        output: multiply(add(x, y), mask),
        saved: { mask },
      }),
      gradient: ({ saved }) => ({ x: saved.mask, y: mask }),
    });
    const [x, y] = [leaf([3, 4]), leaf([5, 6])];
    for (let time = 0; time < 2; time++) scope(device, () => sum(perform(masked, { x, y })).backward());
    expect(await numbers(x.grad!)).toEqual([2, 0]);
    expect(await numbers(y.grad!)).toEqual([2, 0]);
    expect(await numbers(mask)).toEqual([1, 0]);
  });

  test("gives everything back when it throws", () => {
    const failing = defineOperation({
      name: "failing",
      forward: ({ x }: { x: Tensor }) => ({ output: x, saved: {} }),
      gradient: ({ outputGradient }): { x: null } => {
        square(outputGradient);
        throw new Error("stop");
      },
    });
    const x = leaf([1]);
    scope(device, () => {
      const loss = sum(perform(failing, { x }));
      const before = device.memory().liveBuffers;
      expect(() => loss.backward()).toThrow("stop");
      expect(device.memory().liveBuffers).toBeLessThanOrEqual(before + 1); // the gradient on its way
    });
  });
});

describe("what is wrong with it is said with its name", () => {
  const broken = (gradient: () => unknown) =>
    defineOperation({
      name: "broken",
      forward: ({ x }: { x: Tensor }) => ({ output: square(x), saved: {} }),
      gradient: gradient as () => InputGradients<{ x: Tensor }>,
    });

  test.each([
    [
      undefined,
      "the gradient rule of broken returned entries for []; expected one for each input: " +
        "[x] (null where there is none).",
    ],
    [{ y: null }, "the gradient rule of broken returned entries for [y]; expected one for each input: [x]"],
    [{ x: null }, "the gradient rule of broken returned no gradient for x, which needs one."],
  ])("a rule that returns %j", (entries, text) => {
    expect(() =>
      sum(
        perform(
          broken(() => entries),
          { x: leaf([1]) },
        ),
      ).backward(),
    ).toThrow(text);
  });

  test("a gradient of another shape", () => {
    const operation = broken(() => ({ x: zeros(device, [2, 2]) }));
    expect(() => sum(perform(operation, { x: leaf([1]) })).backward()).toThrow(
      "the gradient rule of broken returned 2×2 float32 for x; expected 1 float32.",
    );
  });

  test.each([
    ["nothing", undefined],
    ["a promise", Promise.resolve({})],
    ["null for what it saves", { output: zeros(device, [1]), saved: null }],
    ["no saved tensors", { output: zeros(device, [1]) }],
  ])("a forward function that returns %s", (_, result) => {
    const operation = { ...identity, name: "broken", forward: () => result as never };
    expect(() => perform(operation, { x: leaf([1]) })).toThrow(
      "broken: forward returned no { output, saved }. Return the resulting tensor as output",
    );
  });

  test("an input that is no tensor", () => {
    expect(() => perform(identity, {} as { x: Tensor })).toThrow("identity: no tensor was given.");
    expect(() => perform(identity, { x: undefined as unknown as Tensor })).toThrow(
      "identity: x is undefined; expected a tensor, or null for an optional one that is not there.",
    );
  });

  test("an output that has no gradients", () => {
    const operation = {
      ...identity,
      name: "broken",
      forward: () => ({ output: tensor(device, Int32Array.of(1)), saved: {} }),
    };
    expect(() => perform(operation, { x: leaf([1]) })).toThrow(
      "broken: the output is 1 int32, and only float32 and float64 have gradients. " +
        "Give it detached inputs, e.g. x.detach().",
    );
    expect(perform(operation, { x: zeros(device, [1]) }).dtype).toBe("int32");
  });
});
