import {
  add,
  mean,
  multiply,
  normal,
  reshape,
  scope,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  resamplePositions,
  resampleRelativePositions,
  sineCosinePositions,
  VisionTransformer,
  type VisionTransformerConfig,
  vit,
} from "@splitmask/vit";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const tiny: VisionTransformerConfig = { imageSize: 16, patchSize: 4, width: 16, depth: 2, heads: 2 };
const pictures = (batch: number, size = 16, seed = 1) =>
  normal(device, [batch, 3, size, size], { key: { seed, purpose: "pictures" } });
const numbers = async (x: Tensor) => Array.from(await x.data());

test.each([
  ["tiny", 5_524_416],
  ["small", 21_665_664],
  ["base", 85_798_656],
] as const)(
  "vit(%s) has as many parameters as timm's model without class token and head",
  (preset, count) => {
    const { width, depth, heads } = vit(preset);
    // Blocks, norm, patch embedding and positions, from the definition.
    const block = 12 * width * width + 13 * width;
    expect(depth * block + 2 * width + (768 + 1) * width + 197 * width + width).toBe(count);
    expect(width % heads).toBe(0);
    const model = new VisionTransformer(device, {
      ...vit(preset, { imageSize: 32, patchSize: 8 }),
      depth: 1,
    });
    expect(model.parameterCount).toBe(block + 2 * width + (192 + 1) * width + 16 * width);
  },
);

test("encodeTokens of all patches is forward; of several sets it is each set by itself", async () => {
  const model = new VisionTransformer(device, tiny, { seed: 3 });
  const images = pictures(2);
  const all = Int32Array.from({ length: 32 }, (_, i) => i % 16);
  const whole = model.encodeTokens(images, tensor(device, all, [2, 16]));
  expect(await numbers(whole)).toEqual(await numbers(model.forward(images)));

  const first = [
    [0, 3, 5],
    [1, 2, 15],
  ];
  const second = [
    [1, 2, 4],
    [0, 7, 8],
  ];
  const places = (rows: number[][]) => tensor(device, rows, undefined, { dtype: "int32" });
  const both = model.encodeTokens(images, places([...first, ...second]));
  expect(await numbers(slice(both, 0, 0, 2))).toEqual(
    await numbers(model.encodeTokens(images, places(first))),
  );
  expect(await numbers(slice(both, 0, 2, 4))).toEqual(
    await numbers(model.encodeTokens(images, places(second))),
  );
});

test("what encodeTokens does not see has no influence", async () => {
  const model = new VisionTransformer(device, tiny);
  const indices = tensor(device, Int32Array.of(0, 1, 4, 5), [1, 4]);
  const values = (await pictures(1).data()) as Float32Array;
  // The visible patches are the upper left 8×8 pixels; change one below.
  const changed = values.slice();
  changed[12 * 16 + 3] = 100;
  const tokens = async (pixels: Float32Array) =>
    numbers(model.encodeTokens(tensor(device, pixels as Float32Array<ArrayBuffer>, [1, 3, 16, 16]), indices));
  expect(await tokens(changed)).toEqual(await tokens(values));
  changed[3 * 16 + 3] = 100;
  expect(await tokens(changed)).not.toEqual(await tokens(values));
});

describe("encodeMasked", () => {
  const visible = () => tensor(device, Int32Array.of(0, 1, 2, 4, 5, 6, 8, 9, 10, 12), [1, 10]);
  const hidden = () => tensor(device, Int32Array.of(3, 7, 11, 13, 14, 15), [1, 6]);
  const token = () => normal(device, [1, 1, 16], { key: { seed: 8, purpose: "token" }, requiresGrad: true });

  test("without hidden patches is forward", async () => {
    const model = new VisionTransformer(device, { ...tiny, classToken: true });
    const images = pictures(2);
    const all = tensor(
      device,
      Int32Array.from({ length: 32 }, (_, i) => i % 16),
      [2, 16],
    );
    const none = tensor(device, new Int32Array(0), [2, 0]);
    const tokens = model.encodeMasked(images, { visible: all, hidden: none, token: token() });
    expect(await numbers(tokens)).toEqual(await numbers(model.forward(images)));
  });

  test("sees of a hidden patch its place, and a mask token that is trained", async () => {
    const model = new VisionTransformer(device, tiny);
    const values = (await pictures(1).data()) as Float32Array<ArrayBuffer>;
    const encode = async (pixels: Float32Array<ArrayBuffer>, changed = token()) => {
      const images = tensor(device, pixels, [1, 3, 16, 16]);
      return numbers(model.encodeMasked(images, { visible: visible(), hidden: hidden(), token: changed }));
    };
    const expected = await encode(values);
    const unseen = values.slice();
    unseen[15 * 16 + 15] = 100; // in the last patch
    expect(await encode(unseen)).toEqual(expected);
    const seen = values.slice();
    seen[0] = 100;
    expect(await encode(seen)).not.toEqual(expected);
    expect(await encode(values, zeros(device, [1, 1, 16]))).not.toEqual(expected);
    // Two hidden patches differ by their positions.
    expect(expected.slice(14 * 16, 15 * 16)).not.toEqual(expected.slice(15 * 16));

    const trained = token();
    const masked = { visible: visible(), hidden: hidden(), token: trained };
    const tokens = model.encodeMasked(pictures(1), masked);
    sum(multiply(tokens, normal(device, [1, 16, 16], { key: { seed: 2, purpose: "g" } }))).backward();
    expect(trained.grad!.shape).toEqual([1, 1, 16]);
    expect(Math.max(...(await numbers(trained.grad!)))).toBeGreaterThan(0);
  });

  test("says what does not fit", () => {
    const model = new VisionTransformer(device, tiny);
    const masked = { visible: visible(), hidden: hidden(), token: token() };
    expect(() => model.encodeMasked(pictures(1), { ...masked, hidden: visible() })).toThrow(
      "encodeMasked: visible is 1×10, hidden 1×10 and the token 1×1×16 for 1 pictures; " +
        "expected 1×K and 1×(16−K), so that each patch is in one of them, and 1×1×16.",
    );
    expect(() => model.encodeMasked(pictures(2), masked)).toThrow(
      "for 2 pictures; expected 2×K and 2×(16−K)",
    );
    expect(() => model.encodeMasked(pictures(1, 24), masked)).toThrow(
      "encodeMasked: images are 1×3×24×24; expected B×3×16×16, the model's picture size.",
    );
  });
});

describe.each([true, false])("a shared relative position bias, class token: %s,", (classToken) => {
  const config = { ...tiny, classToken, relativePositionBias: "shared" } as const;
  const tokensOf = classToken ? 17 : 16;
  /** A model whose table is not 0, as it is at first. */
  const biased = async (changes: Partial<VisionTransformerConfig> = {}) => {
    const model = new VisionTransformer(device, { ...config, ...changes });
    const table = model.rel_pos_bias!.relative_position_bias_table;
    const drawn = normal(device, table.shape, { key: { seed: 3, purpose: "table" } });
    model.loadStateDict(new Map(model.stateDict()).set(tableName, drawn));
    return model;
  };
  const tableName = "rel_pos_bias.relative_position_bias_table";

  test("begins at 0, where it changes nothing but the order of sums", async () => {
    const model = new VisionTransformer(device, config);
    expect(model.rel_pos_bias!.relative_position_bias_table.shape).toEqual([classToken ? 52 : 49, 2]);
    const plain = new VisionTransformer(device, { ...config, relativePositionBias: "none" });
    const [found, expected] = await Promise.all(
      [model, plain].map((encoder) => numbers(encoder.forward(pictures(2)))),
    );
    expect(largestError(found!, expected!)).toBeLessThan(1e-5);
    const far = await numbers((await biased()).forward(pictures(2)));
    expect(largestError(far, expected!)).toBeGreaterThan(1e-3);
  });

  test("of all patches by index is that of whole pictures, for each picture in its order", async () => {
    const { rel_pos_bias } = await biased();
    const whole = await numbers(rel_pos_bias!.forward());
    const order = tensor(
      device,
      Int32Array.from({ length: 32 }, (_, i) => (i < 16 ? i : 31 - i)),
      [2, 16],
    );
    const chosen = rel_pos_bias!.forwardTokens(order);
    expect(chosen.shape).toEqual([2, 2, tokensOf, tokensOf]);
    const values = await numbers(chosen);
    expect(values.slice(0, whole.length)).toEqual(whole);
    if (classToken) return;
    // Seen from the other end each distance has the other sign, as if looked at by the other of the two.
    const turned = values.slice(whole.length);
    const at = (head: number, from: number, to: number) => (head * 16 + from) * 16 + to;
    expect(turned[at(1, 2, 5)]).toBe(whole[at(1, 13, 10)]);
    expect(turned[at(1, 2, 5)]).toBe(whole[at(1, 5, 2)]);
  });

  test("is the same in layers, attention maps, recomputed blocks and bfloat16 products", async () => {
    const model = await biased();
    const images = pictures(2);
    const [last] = model.encodeLayers(images, { layers: [2] });
    expect(await numbers(last!)).toEqual(await numbers(model.encode(images)));
    const maps = model.attentionMaps(images);
    for (const total of await numbers(sum(reshape(maps, [4 * tokensOf, tokensOf]), { axes: [1] })))
      expect(total).toBeCloseTo(1, 5);
    for (const total of await numbers(sum(model.attentionRollout(images), { axes: [2] })))
      expect(total).toBeCloseTo(1, 5);
    const indices = tensor(device, Int32Array.of(0, 3, 5, 15), [2, 2]);
    const gradients = async (recompute: boolean) => {
      model.zeroGrad();
      const context = { training: true, seed: 0, step: 0, recompute };
      // Of what is left when the scope ends the backward pass finds all that it needs.
      const total = scope(device, () => {
        const [all, some] = [model.forward(images, context), model.encodeTokens(images, indices, context)];
        return add(sum(square(all)), sum(multiply(some, square(some))));
      });
      total.backward();
      const found = [...model.namedParameters()].map(
        async ([name, { grad }]) => [name, await numbers(grad!)] as const,
      );
      return new Map(await Promise.all(found));
    };
    const once = await gradients(false);
    expect(Math.max(...once.get(tableName)!.map(Math.abs))).toBeGreaterThan(0);
    expect(await gradients(true)).toEqual(once);
    const rounded = await numbers(model.encode(images, { precision: "bfloat16" }));
    const error = largestError(rounded, await numbers(model.encode(images)));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.05);
  });

  test("is interpolated for other picture sizes, and loads into models of another grid", async () => {
    const small = await biased({ positions: "none" });
    const images = normal(device, [1, 3, 24, 16], { key: { seed: 4, purpose: "pictures" } });
    const large = new VisionTransformer(device, { ...config, positions: "none", imageSize: [24, 16] });
    large.loadStateDict(await small.hostStateDict());
    const table = large.rel_pos_bias!.relative_position_bias_table;
    expect(table.shape).toEqual([11 * 7 + (classToken ? 3 : 0), 2]);
    expect(await numbers(large.forward(images))).toEqual(await numbers(small.forward(images)));
    if (classToken) {
      // The class token's rows are of no distance.
      const [before, after] = [await numbers(small.stateDict().get(tableName)!), await numbers(table)];
      expect(after.slice(-6)).toEqual(before.slice(-6));
    }
    const back = new VisionTransformer(device, { ...config, positions: "none" });
    expect(() => back.loadStateDict(large.stateDict())).toThrow(
      `VisionTransformer.loadStateDict: ${tableName} is ${classToken ? 80 : 77}×2: ` +
        "77 distances, which are no square grid. Pass { grid: [rows, columns] } of the model that was saved.",
    );
    back.loadStateDict(large.stateDict(), { grid: [6, 4] });
    expect(await numbers(back.patch_embed.proj.weight)).toEqual(await numbers(small.patch_embed.proj.weight));
  });
});

test("another picture size interpolates the positions, with gradients to the table", async () => {
  const model = new VisionTransformer(device, { ...tiny, classToken: true });
  const tokens = model.forward(pictures(2, 24));
  expect(tokens.shape).toEqual([2, 37, 16]);
  sum(multiply(tokens, normal(device, [2, 37, 16], { key: { seed: 2, purpose: "gradient" } }))).backward();
  expect(model.pos_embed!.grad!.shape).toEqual([1, 17, 16]);
  expect(Math.max(...(await numbers(model.pos_embed!.grad!)))).toBeGreaterThan(0);
});

test("weights of another grid load with interpolated positions", async () => {
  const small = new VisionTransformer(device, tiny, { seed: 1 });
  const large = new VisionTransformer(device, { ...tiny, imageSize: [24, 16] }, { seed: 2 });
  large.loadStateDict(await small.hostStateDict());
  expect(large.pos_embed!.shape).toEqual([1, 24, 16]);
  // The same table: pictures of the large size through either give the same tokens.
  const images = normal(device, [1, 3, 24, 16], { key: { seed: 4, purpose: "pictures" } });
  expect(await numbers(large.forward(images))).toEqual(await numbers(small.forward(images)));

  const back = new VisionTransformer(device, tiny);
  expect(() => back.loadStateDict(large.stateDict())).toThrow(
    "VisionTransformer.loadStateDict: pos_embed is 1×24×16: 24 places, which are no square grid. " +
      "Pass { grid: [rows, columns] } of the model that was saved.",
  );
  back.loadStateDict(large.stateDict(), { grid: [6, 4] });
  expect(await numbers(back.patch_embed.proj.weight)).toEqual(await numbers(small.patch_embed.proj.weight));
});

test.each(["column", "row"] as const)(
  "sine-cosine positions whose first half is the %s's",
  async (firstHalf) => {
    const fixture = await ModelFixture.read(new URL("fixtures/sineCosine.safetensors", import.meta.url));
    const table = sineCosinePositions(device, [5, 5], 16, firstHalf);
    expect(largestError(await numbers(table), fixture.get(firstHalf).data as Float64Array)).toBeLessThan(
      1e-6,
    );
    const positions = firstHalf === "column" ? "sincos" : "sincosRowFirst";
    const model = new VisionTransformer(device, { ...tiny, imageSize: 20, positions });
    expect(await numbers(model.patchPositions())).toEqual(await numbers(table));
  },
);

test("sine-cosine positions are fixed, and of grids that are no squares too", async () => {
  const model = new VisionTransformer(device, { ...tiny, positions: "sincos", classToken: true });
  model.forward(pictures(1)).backward(normal(device, [1, 17, 16], { key: { seed: 1, purpose: "gradient" } }));
  for (const [name, { grad }] of model.namedParameters())
    expect([name, grad === null]).toEqual([name, name === "pos_embed"]);
  const table = await numbers(sineCosinePositions(device, [2, 3], 8));
  const [row, column] = [1, 2];
  const angle = (place: number, i: number) => place / 10000 ** (i / 2);
  const expected = [
    ...[0, 1].map((i) => Math.sin(angle(column, i))),
    ...[0, 1].map((i) => Math.cos(angle(column, i))),
    ...[0, 1].map((i) => Math.sin(angle(row, i))),
    ...[0, 1].map((i) => Math.cos(angle(row, i))),
  ];
  table
    .slice((row * 3 + column) * 8)
    .slice(0, 8)
    .forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 6);
    });
  expect(model.forward(pictures(1)).shape).toEqual([1, 17, 16]);
});

test("the first weights have timm's deviations", async () => {
  const model = new VisionTransformer(device, { ...tiny, width: 64, imageSize: 32, classToken: true });
  const deviation = async (x: Tensor) => {
    const values = await numbers(x);
    return Math.sqrt(values.reduce((total, value) => total + value ** 2, 0) / values.length);
  };
  for (const [name, parameter] of model.namedParameters()) {
    if (parameter.size < 1000 || name.startsWith("patch_embed.")) continue;
    expect([name, Math.abs((await deviation(parameter)) / 0.02 - 1) < 0.05]).toEqual([name, true]);
  }
  // Uniform in ±1/√48, PyTorch's of a convolution.
  expect((await deviation(model.patch_embed.proj.weight)) * Math.sqrt(3 * 48)).toBeCloseTo(1, 1);
});

test("resampled positions are a handle of their own, also where nothing is resampled", async () => {
  const positions = normal(device, [1, 4, 8], { key: { seed: 1, purpose: "positions" } });
  resamplePositions(positions, [2, 2], [2, 2]).dispose();
  expect((await positions.data()).length).toBe(32);
});

test("a single block drops no path, as timm's", () => {
  const model = new VisionTransformer(device, { ...tiny, depth: 1, dropPath: 0.4 });
  expect(model.blocks.map((block) => block.drop_path1.probability)).toEqual([0]);
});

test("drop path rises linearly over the blocks and draws from seed and step only", async () => {
  const model = new VisionTransformer(device, { ...tiny, depth: 3, dropPath: 0.4 });
  expect(model.blocks.map((block) => block.drop_path2.probability)).toEqual([0, 0.2, 0.4]);
  const images = pictures(8);
  const run = (step: number, training = true) => numbers(model.forward(images, { training, seed: 5, step }));
  expect(await run(1)).toEqual(await run(1));
  expect(await run(1)).not.toEqual(await run(2));
  expect(await run(1, false)).toEqual(await run(2, false));
});

test("BEiT's first weights are cut at one deviation, and the layers' last maps get smaller with depth", async () => {
  const config = { ...tiny, width: 64, depth: 3, classToken: true };
  const model = new VisionTransformer(device, config, { seed: 3, initialization: "beit" });
  // A normal distribution cut at one deviation has 0.5396 of it.
  const cut = 0.02 * 0.5396;
  for (const [name, parameter] of model.namedParameters()) {
    const values = await numbers(parameter);
    if (name.endsWith("bias")) expect([name, values.every((value) => value === 0)]).toEqual([name, true]);
    if (parameter.rank < 2 || parameter.size < 1000) continue;
    const layer = /^blocks\.(\d)\.(?:attn\.proj|mlp\.fc2)\./.exec(name)?.[1];
    const scale = layer === undefined ? 1 : 1 / Math.sqrt(2 * (Number(layer) + 1));
    const deviation = Math.sqrt(values.reduce((total, value) => total + value ** 2, 0) / values.length);
    expect([name, Math.abs(deviation / (scale * cut) - 1) < 0.05]).toEqual([name, true]);
    const largest = Math.max(...values.map(Math.abs));
    expect(largest / (0.02 * scale)).toBeLessThanOrEqual(1 + 1e-6);
  }
  // With DeiT's, which is the default, nothing is cut.
  const deit = await numbers(new VisionTransformer(device, config, { seed: 3 }).blocks[0]!.mlp.fc1.weight);
  expect(Math.max(...deit.map(Math.abs))).toBeGreaterThan(0.05);
});

test("the same seed gives the same weights", async () => {
  const weights = async (seed: number) =>
    numbers(new VisionTransformer(device, tiny, { seed }).blocks[1]!.mlp.fc1.weight);
  expect(await weights(1)).toEqual(await weights(1));
  expect(await weights(1)).not.toEqual(await weights(2));
});

describe.each([
  ["with", true],
  ["without", false],
])("encode, %s a class token,", (_, classToken) => {
  const model = new VisionTransformer(device, { ...tiny, classToken });

  test("pools the tokens of forward", async () => {
    const images = pictures(3);
    const tokens = model.forward(images);
    const patches = classToken ? slice(tokens, 1, 1, 17) : tokens;
    expect(await numbers(model.encode(images, { pooling: "none" }))).toEqual(await numbers(tokens));
    expect(await numbers(model.encode(images))).toEqual(await numbers(mean(patches, { axes: [1] })));
    if (classToken) {
      const token = model.encode(images, { pooling: "class" });
      expect(token.shape).toEqual([3, 16]);
      expect(await numbers(token)).toEqual(await numbers(slice(tokens, 1, 0, 1)));
    }
  });

  test("encodeLayers gives the layers in the order asked for, the last as encode", async () => {
    const images = pictures(3);
    const all = await Promise.all(model.encodeLayers(images, { layers: [0, 1, 2] }).map(numbers));
    const some = await Promise.all(model.encodeLayers(images, { layers: [2, 0] }).map(numbers));
    expect(some).toEqual([all[2], all[0]]);
    expect(all[2]).toEqual(await numbers(model.encode(images)));
    expect(all[1]).not.toEqual(all[2]);
    const before = device.memory().liveBuffers;
    for (const layer of model.encodeLayers(images)) layer.dispose();
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("takes the precision of the products", async () => {
    const images = pictures(3);
    const exact = await numbers(model.encode(images));
    const rounded = await numbers(model.encode(images, { precision: "bfloat16" }));
    const largest = Math.max(...exact.map((value, i) => Math.abs(value - rounded[i]!)));
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(0.05);
  });

  test("records no graph and keeps nothing but its result", async () => {
    const images = pictures(3);
    const before = device.memory().liveBuffers;
    const encoded = model.encode(images);
    expect(encoded.requiresGrad).toBe(false);
    expect(device.memory().liveBuffers).toBe(before + 1);
    encoded.dispose();
    for (let call = 0; call < 20; call += 1) model.encode(images, { pooling: "none" }).dispose();
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("takes the memory of one block, whatever the depth", () => {
    const peak = (depth: number) => {
      const own = createDevice({ threads: 1 });
      const images = uniform(own, [8, 3, 16, 16], { key: { seed: 1, purpose: "pictures" } });
      const deep = new VisionTransformer(own, { ...tiny, depth, classToken });
      const held = own.memory().liveBytes;
      deep.encode(images).dispose();
      const bytes = own.memory().peakLiveBytes - held;
      own.close();
      return bytes;
    };
    expect(peak(9)).toBe(peak(2));
  });
});

test("attention maps are probabilities; layers are counted from either end", async () => {
  const model = new VisionTransformer(device, tiny);
  const images = pictures(1);
  const maps = model.attentionMaps(images);
  expect(maps.shape).toEqual([1, 2, 16, 16]);
  for (const total of await numbers(sum(reshape(maps, [32, 16]), { axes: [1] })))
    expect(total).toBeCloseTo(1, 5);
  expect(await numbers(model.attentionMaps(images, 1))).toEqual(await numbers(maps));
  expect(await numbers(model.attentionMaps(images, 0))).toEqual(
    await numbers(model.attentionMaps(images, -2)),
  );
});

test.each([false, true])(
  "attention rollout is the product of 0.5·A + 0.5·I over the layers, class token: %s",
  async (classToken) => {
    const model = new VisionTransformer(device, { ...tiny, depth: 3, classToken }, { seed: 6 });
    const images = pictures(2);
    const rollout = model.attentionRollout(images);
    const places = classToken ? 17 : 16;
    expect(rollout.shape).toEqual([2, places, places]);
    const found = await numbers(rollout);
    const layers = await Promise.all([0, 1, 2].map((layer) => numbers(model.attentionMaps(images, layer))));
    for (const picture of [0, 1]) {
      let wanted = Array.from({ length: places }, (_, row) =>
        Array.from({ length: places }, (_, column) => Number(row === column)),
      );
      for (const maps of layers) {
        const attention = (head: number, row: number, column: number) =>
          maps[((picture * 2 + head) * places + row) * places + column]!;
        wanted = wanted.map((_, row) =>
          wanted.map((_, column) =>
            wanted.reduce((sum, from, middle) => {
              const mixed =
                (attention(0, row, middle) + attention(1, row, middle)) / 4 + Number(row === middle) / 2;
              return sum + mixed * from[column]!;
            }, 0),
          ),
        );
      }
      for (const [row, shares] of wanted.entries()) {
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
        for (const [column, share] of shares.entries())
          expect(found[(picture * places + row) * places + column]).toBeCloseTo(share, 6);
      }
    }
  },
);

describe("says what is wrong", () => {
  test.each([
    [
      { ...tiny, imageSize: 18 },
      "pictures of 18×18 pixels are not made of whole patches of 4×4. The nearest size that is: 20×20.",
    ],
    [{ ...tiny, heads: 3 }, "VisionTransformer: the width 16 is no multiple of the 3 heads."],
    [{ ...tiny, depth: 0 }, "VisionTransformer: depth is 0; expected a whole number from 1."],
    [{ ...tiny, dropPath: 1 }, "VisionTransformer: dropPath is 1; expected a number in [0, 1)."],
    [
      { ...tiny, relativePositionBias: "each" as "shared" },
      'VisionTransformer: relativePositionBias is "each"; expected "none" or "shared".',
    ],
    [
      { ...tiny, width: 6, positions: "sincos" },
      "sincos positions need a width that is a multiple of 4, and it is 6.",
    ],
  ] as const)("in a config: %#", (config, text) => {
    expect(() => new VisionTransformer(device, config)).toThrow(text);
  });

  test("in calls", () => {
    const model = new VisionTransformer(device, tiny);
    const indices = tensor(device, Int32Array.of(0, 1, 2), [3, 1]);
    expect(() => model.encodeTokens(pictures(2), indices)).toThrow(
      "encodeTokens: indices are 3×1 for 2 pictures; expected (r·2)×K, whole sets of rows, one row a picture in each.",
    );
    expect(() => model.encodeTokens(pictures(3, 24), indices)).toThrow(
      "encodeTokens: images are 3×3×24×24; expected B×3×16×16, the model's picture size.",
    );
    expect(() => new VisionTransformer(device, tiny, { initialization: "dino" as "beit" })).toThrow(
      'VisionTransformer: initialization is "dino"; expected "deit", "beit" or "mae".',
    );
    expect(() => new VisionTransformer(device, { ...tiny, positions: "none" }).patchPositions()).toThrow(
      'patchPositions: this model has no positions of its own (positions: "none").',
    );
    expect(() => resampleRelativePositions(zeros(device, [50, 2]), [4, 4], [5, 5])).toThrow(
      "resampleRelativePositions: the table is 50×2; " +
        "expected 49×heads for a grid of 4×4 patches, or 52×heads with a class token.",
    );
    expect(() => model.encode(pictures(1), { pooling: "class" })).toThrow(
      'encode: pooling is "class", but this model has no class token.',
    );
    expect(() => model.encode(pictures(1), { pooling: "max" as "mean" })).toThrow(
      'encode: pooling is "max"; expected one of "mean", "class", "patches", "none".',
    );
    expect(() => model.encodeLayers(pictures(1), { layers: [1, 3] })).toThrow(
      "encodeLayers: there is no layer 3 in a model of 2 blocks; " +
        "expected whole numbers from 0 (before the first block) to 2.",
    );
    expect(() => model.encodeLayers(pictures(1), { pooling: "class" })).toThrow(
      'encodeLayers: pooling is "class", but this model has no class token.',
    );
    expect(() => model.attentionMaps(pictures(1), 2)).toThrow(
      "attentionMaps: there is no layer 2 in a model of 2 blocks.",
    );
    expect(() => vit("huge" as "base")).toThrow(
      'vit: there is no preset "huge"; expected one of tiny, small, base.',
    );
  });
});
