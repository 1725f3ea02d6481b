import {
  add,
  affine,
  checkpoint,
  exp,
  keep,
  layerNorm,
  leavesOf,
  linear,
  multiply,
  noGrad,
  normal,
  reshape,
  scope,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";

// A device a test, so that what one test drops is never counted in another.
let device: Device;
beforeEach(() => {
  device = createDevice({ threads: 1 });
});
afterEach(() => device.close());

const leaf = (values: number[]): Tensor => tensor(device, values, undefined, { requiresGrad: true });
const numbers = async (given: Tensor): Promise<number[]> => [...(await given.data())];

test("leavesOf gives what backward reaches, each once", () => {
  const [x, y, constant] = [leaf([1, 2]), leaf([3]), tensor(device, [1, 1])];
  const loss = sum(multiply(add(multiply(x, x), constant), y));
  expect(new Set(leavesOf(loss))).toEqual(new Set([x, y]));
  expect(leavesOf(loss)).toHaveLength(2);
  expect(leavesOf(x)).toEqual([]);
  loss.backward();
  expect(leavesOf(loss)).toEqual([]);
});

describe("backward", () => {
  test("adds what reaches a leaf along several ways, and over several calls", async () => {
    const x = leaf([1, 2]);
    const y = add(multiply(x, x), affine(x, 3));
    sum(y).backward();
    expect(await numbers(x.grad!)).toEqual([5, 7]);
    sum(x).backward();
    expect(await numbers(x.grad!)).toEqual([6, 8]);
  });

  test("gives each leaf a gradient of its own, even where a rule hands one tensor to both", async () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    sum(add(a, b)).backward();
    sum(a).backward();
    expect(await numbers(a.grad!)).toEqual([2, 2]);
    expect(await numbers(b.grad!)).toEqual([1, 1]);
    expect(a.grad!.buffer).not.toBe(b.grad!.buffer);
  });

  test("does not write to a gradient that the caller passes", async () => {
    const x = leaf([1, 2]);
    const gradient = tensor(device, [10, 20]);
    affine(exp(x), 2).backward(gradient);
    expect(await numbers(gradient)).toEqual([10, 20]);
    expect((await numbers(x.grad!))[0]).toBeCloseTo(20 * Math.E, 4);
  });

  test("does not write to a tensor that a later rule still needs", async () => {
    const x = leaf([0.5]);
    const first = exp(x);
    const second = square(first);
    sum(add(multiply(first, second), first)).backward();
    const e = Math.exp(0.5);
    expect((await numbers(x.grad!))[0]).toBeCloseTo(3 * e ** 3 + e, 4);
  });

  test("leaves inputs that need no gradient alone", () => {
    const x = zeros(device, [3, 2]);
    const weight = tensor(device, [[1, 2]], undefined, { requiresGrad: true });
    const before = device.memory().liveBuffers;
    sum(linear(x, weight, null)).backward();
    expect(x.grad).toBeNull();
    expect(weight.grad!.shape).toEqual([1, 2]);
    expect(device.memory().liveBuffers).toBeGreaterThan(before);
  });

  test("works on a leaf whose handle was disposed after use", async () => {
    const x = leaf([2]);
    const y = square(x);
    const loss = sum(y);
    y.dispose();
    loss.backward();
    expect(await numbers(x.grad!)).toEqual([4]);
  });

  test("gives the same bits every time", async () => {
    const run = async () => {
      const x = leaf(Array.from({ length: 50 }, (_, i) => Math.sin(i)));
      let y: Tensor = x;
      for (let depth = 0; depth < 6; depth++) y = add(multiply(y, x), exp(affine(y, 0.1)));
      sum(y).backward();
      return numbers(x.grad!);
    };
    expect(await run()).toEqual(await run());
  });

  test("says what is wrong", () => {
    const x = leaf([1, 2]);
    expect(() => square(x).backward()).toThrow(
      "backward: the tensor 2 has 2 elements; only a scalar has a gradient by itself. " +
        "Reduce it with sum or mean, or pass backward(gradient) a tensor of that shape.",
    );
    expect(() => square(x).backward(zeros(device, [3]))).toThrow(
      "backward: the gradient is 3 float32 and the tensor is 2 float32; both have to be alike.",
    );
    expect(() => sum(zeros(device, [2])).backward()).toThrow(
      /^backward: the tensor scalar was not computed from tensors that require gradients.* encode\(\) records no/,
    );
    const loss = sum(square(x));
    loss.backward();
    expect(() => loss.backward()).toThrow(
      "backward: the graph behind this tensor was already used: " +
        "what sum had kept was released by an earlier backward(). " +
        "Compute the loss again, or add the losses and call backward() once on their sum.",
    );
  });

  test("leaves everything untouched when a part of the graph was used before", () => {
    const x = leaf([1, 2]);
    const trunk = square(x);
    sum(trunk).backward();
    x.grad = null;
    expect(() => sum(exp(trunk)).backward()).toThrow("what square had kept was released");
    expect(x.grad).toBeNull();
  });
});

describe("what is kept for the backward pass", () => {
  const rows = 4096;
  const width = 32;
  const parameters = () =>
    [[4 * width, width], [width, 4 * width], [width], [width]].map((shape, index) => {
      const parameter = normal(device, shape, {
        standardDeviation: 0.1,
        key: { seed: index, purpose: "parameter" },
      });
      parameter.requiresGrad = true;
      return keep(parameter);
    });
  const mlp = (x: Tensor, [first, second, gamma, beta]: readonly Tensor[]) =>
    scope(device, () => {
      const hidden = linear(layerNorm(x, gamma!, beta!), first!, null);
      return linear(hidden, second!, null, { inputActivation: "gelu", residual: x });
    });
  const input = () => normal(device, [rows, width], { key: { seed: 9, purpose: "x" } });

  test("is neither the output of a layer norm, which is made again, nor of a GELU, which never is in memory", () => {
    const x = input();
    const weights = parameters();
    const before = device.memory().liveBytes;
    const y = mlp(x, weights);
    const kept = (device.memory().liveBytes - before) / (4 * rows * width);
    // y and, four times as wide, the values before the activation; mean and rstd are two columns.
    expect(kept).toBeGreaterThan(5);
    expect(kept).toBeLessThan(5.5);
    y.dispose();
  });

  test("is nothing but the input of a checkpoint, whose gradients have the same bits", async () => {
    const [plain, recomputed] = [parameters(), parameters()];
    const x = input();
    x.requiresGrad = true;
    sum(square(mlp(x, plain))).backward();
    const gradient = await numbers(x.grad!);
    x.grad = null;
    const before = device.memory().liveBytes;
    const y = checkpoint((given) => mlp(given, recomputed), x, recomputed);
    expect((device.memory().liveBytes - before) / (4 * rows * width)).toBeLessThan(1.2);
    sum(square(y)).backward();
    expect(await numbers(x.grad!)).toEqual(gradient);
    for (const [index, parameter] of plain.entries()) {
      expect(await numbers(recomputed[index]!.grad!)).toEqual(await numbers(parameter.grad!));
    }
  });

  test("a checkpoint of several inputs gives each its gradient, also where one was computed or is frozen", async () => {
    const run = async (recompute: boolean) => {
      const [x, weight, frozen] = [leaf([1, 2]), leaf([3, 4]), tensor(device, [5, 6])];
      const compute = (a: Tensor, b: Tensor, c: Tensor) => sum(multiply(multiply(a, b), sum(square(c))));
      const total = scope(device, () => {
        const computed = square(weight);
        return recompute ? checkpoint(compute, [x, computed, frozen]) : compute(x, computed, frozen);
      });
      total.backward();
      expect(frozen.grad).toBeNull();
      return [await numbers(x.grad!), await numbers(weight.grad!)];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test("a checkpoint adds to gradients that were there before, and gives zeros where it does not reach", async () => {
    const weight = tensor(device, [[2]], undefined, { requiresGrad: true });
    const unused = leaf([1]);
    const x = tensor(device, [[3]]);
    sum(checkpoint((given) => linear(given, weight, null), x, [weight, unused])).backward();
    sum(checkpoint((given) => linear(given, weight, null), x, [weight, unused])).backward();
    expect(x.grad).toBeNull();
    expect(await numbers(weight.grad!)).toEqual([6]);
    expect(await numbers(unused.grad!)).toEqual([0]);
  });
});

describe("memory", () => {
  test("what the tape kept is back when backward has run", async () => {
    const x = leaf([1, 2, 3]);
    const before = device.memory().liveBuffers;
    const y = square(x);
    const z = exp(y);
    const loss = sum(z);
    for (const handle of [y, z]) handle.dispose();
    // The tape holds y, which exp needs, and not z, which nobody does; and there is the loss.
    expect(device.memory().liveBuffers).toBe(before + 2);
    loss.backward();
    // The loss and the leaf's gradient.
    expect(device.memory().liveBuffers).toBe(before + 2);
  });

  test("a scope gives back everything but what it returns, what is kept, and leaf gradients", async () => {
    const x = leaf([1, 2, 3]);
    let kept: Tensor | null = null;
    const before = device.memory().liveBuffers;
    const { loss, parts } = scope(device, () => {
      const y = square(x);
      const view = reshape(y, [3, 1]);
      const total = sum(view);
      total.backward();
      kept = keep(exp(x));
      return { loss: total, parts: [sum(y)] };
    });
    expect(device.memory().liveBuffers).toBe(before + 4);
    expect(await loss.item()).toBe(14);
    expect(await parts[0]!.item()).toBe(14);
    expect(await numbers(x.grad!)).toEqual([2, 4, 6]);
    expect((await numbers(kept!))[0]).toBeCloseTo(Math.E, 5);
  });

  test("what an inner scope returns belongs to the outer one", () => {
    const before = device.memory().liveBuffers;
    let inner: Tensor | null = null;
    scope(device, () => {
      inner = scope(device, () => square(zeros(device, [1])));
      expect(inner.disposed).toBe(false);
    });
    expect(inner!.disposed).toBe(true);
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("a graph outlives the scope that recorded it", async () => {
    const x = leaf([3]);
    const loss = scope(device, () => sum(multiply(square(x), x)));
    loss.backward();
    expect(await numbers(x.grad!)).toEqual([27]);
  });

  test("a graph that nothing leads to any more goes with its scope; one behind a kept tensor stays", async () => {
    const x = leaf([3]);
    const before = device.memory().liveBuffers;
    let kept: Tensor | null = null;
    scope(device, () => {
      scope(device, () => {
        kept = keep(square(square(x)));
        return square(exp(x));
      });
      exp(square(x));
    });
    // The kept result and the square inside it.
    expect(device.memory().liveBuffers).toBe(before + 2);
    sum(kept!).backward();
    expect(await numbers(x.grad!)).toEqual([108]);
  });

  test("a scope that throws gives everything back", () => {
    const x = leaf([1]);
    const before = device.memory().liveBuffers;
    expect(() =>
      scope(device, () => {
        square(x);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("without recording nothing is kept", async () => {
    const x = leaf([1, 2]);
    const before = device.memory().liveBuffers;
    const y = noGrad(device, () => sum(square(x)));
    expect(y.requiresGrad).toBe(false);
    expect(device.memory().liveBuffers).toBe(before + 2); // the square, dropped but not yet collected, and its sum
    y.dispose();
    expect(device.memory().liveBuffers).toBe(before + 1);
    await expect(y.data()).rejects.toThrow("was disposed");
  });

  test("says what is wrong with a scope", async () => {
    expect(() => scope(device, () => Promise.resolve(1))).toThrow(
      "scope: the function returned a promise, but tensors are released as soon as it returns.",
    );
    expect(() => noGrad(device, async () => 1)).toThrow("noGrad: the function returned a promise");
    let lost: Tensor | null = null;
    scope(device, () => {
      lost = square(leaf([1, 2]));
    });
    expect(() => square(lost!)).toThrow(
      "the float32 tensor 2 was released when its scope ended. " +
        "Return it from the scope's function, or hand it to keep(tensor) inside.",
    );
    const disposed = leaf([1]);
    disposed.dispose();
    disposed.dispose();
    expect(() => square(disposed)).toThrow(
      "the float32 tensor 1 was disposed and cannot be used again. " +
        "Dispose a tensor after its last use, or leave it to its scope or the garbage collector.",
    );
  });
});
