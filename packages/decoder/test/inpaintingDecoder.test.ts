import {
  add,
  gatherTokens,
  multiply,
  normal,
  reshape,
  slice,
  sum,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { InpaintingDecoder, type InpaintingDecoderConfig } from "@splitmask/decoder";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const shape = { width: 16, heads: 2, patches: 12, outFeatures: 20 } as const;
const numbers = async (x: Tensor) => Array.from(await x.data());

test.each([
  ["decoder-shared", { ...shape }],
  ["decoder-own", { ...shape, positions: "own", addPositionsToVisible: true, layerScale: 0.1 }],
] as [string, InpaintingDecoderConfig][])(
  "PyTorch's %s gives the same values and every named gradient",
  async (name, config) => {
    const fixture = await ModelFixture.read(new URL(`fixtures/${name}.safetensors`, import.meta.url));
    const decoder = new InpaintingDecoder(device, config);
    decoder.loadStateDict(fixture.under("parameter."));
    const leaves = {
      "input.visible": fixture.upload(device, "input.visible", true),
      "input.positions": fixture.upload(device, "input.positions", true),
    };
    const [visible, hidden] = [
      fixture.upload(device, "input.visibleIndices"),
      fixture.upload(device, "input.hiddenIndices"),
    ];
    const tokens = decoder.forward({
      tokens: leaves["input.visible"],
      visible,
      hidden,
      positions: reshape(leaves["input.positions"], [12, 16]),
    });
    const prefix = tokens.shape[1]! - 12;
    const logits = decoder.head.forward(gatherTokens(slice(tokens, 1, prefix), hidden));
    expect(await fixture.error(tokens, "output.tokens")).toBeLessThan(1e-5);
    expect(await fixture.error(logits, "output.logits")).toBeLessThan(1e-5);
    const weighted = (x: Tensor, key: string) => sum(multiply(x, fixture.upload(device, key)));
    add(weighted(tokens, "input.tokensGradient"), weighted(logits, "input.logitsGradient")).backward();

    const expected = fixture.under("gradient.");
    const named: [string, Tensor][] = [...decoder.namedParameters(), ...Object.entries(leaves)];
    expect(named.map(([key]) => key).sort()).toEqual([...expected.keys()].sort());
    for (const [key, leaf] of named) {
      if (key === "input.positions" && config.positions === "own") expect(leaf.grad).toBeNull();
      else
        expect([key, await fixture.error(leaf.grad, `gradient.${key}`)]).toEqual([key, expect.closeTo(0, 4)]);
    }
  },
);

const places = (...rows: number[][]) => tensor(device, rows, undefined, { dtype: "int32" });
const positions = normal(device, [12, 16], { key: { seed: 1, purpose: "positions" } });

test("hidden places start as mask token plus position, and what the encoder saw stands at its place", async () => {
  const decoder = new InpaintingDecoder(device, { ...shape, depth: 1, finalNorm: false });
  // A block whose two paths end in zeros passes its input through.
  for (const layer of [decoder.blocks[0]!.attn.proj, decoder.blocks[0]!.mlp.fc2]) {
    layer.loadStateDict(
      new Map(
        [...layer.namedParameters()].map(([name, parameter]) => [
          name,
          { dtype: "float32", shape: parameter.shape, data: new Float32Array(parameter.size) } as const,
        ]),
      ),
    );
  }
  const seen = normal(device, [1, 3, 16], { key: { seed: 2, purpose: "tokens" } });
  const hidden = [0, 2, 3, 4, 6, 7, 8, 9, 10];
  const tokens = await decoder
    .forward({ tokens: seen, visible: places([11, 1, 5]), hidden: places(hidden), positions })
    .data();
  const [given, mask, table] = [await seen.data(), await decoder.mask_token.data(), await positions.data()];
  const row = (place: number) => Array.from(tokens.slice(place * 16, place * 16 + 16));
  expect(row(11)).toEqual(Array.from(given.slice(0, 16)));
  expect(row(1)).toEqual(Array.from(given.slice(16, 32)));
  expect(row(5)).toEqual(Array.from(given.slice(32, 48)));
  for (const place of hidden) {
    row(place).forEach((value, i) => {
      expect(value).toBeCloseTo(mask[i]! + table[place * 16 + i]!, 6);
    });
  }
});

test("the order in which places are listed does not matter", async () => {
  const decoder = new InpaintingDecoder(device, shape, { seed: 4 });
  const seen = normal(device, [1, 2, 16], { key: { seed: 3, purpose: "tokens" } });
  const swapped = gatherTokens(seen, places([1, 0]));
  const hidden = [0, 1, 2, 4, 5, 6, 8, 9, 10, 11];
  const one = decoder.forward({ tokens: seen, visible: places([3, 7]), hidden: places(hidden), positions });
  const other = decoder.forward({
    tokens: swapped,
    visible: places([7, 3]),
    hidden: places(hidden.reverse()),
    positions,
  });
  expect(await numbers(other)).toEqual(await numbers(one));
});

test("the same seed gives the same weights, and none of the encoder's", async () => {
  const head = async (seed: number) => numbers(new InpaintingDecoder(device, shape, { seed }).head.weight);
  expect(await head(1)).toEqual(await head(1));
  expect(await head(1)).not.toEqual(await head(2));
});

test("says what is wrong with its config and inputs", () => {
  expect(() => new InpaintingDecoder(device, { ...shape, heads: 3 })).toThrow(
    "InpaintingDecoder: the width 16 is no multiple of the 3 heads. " +
      "Choose heads that divide the width, e.g. the encoder's.",
  );
  expect(() => new InpaintingDecoder(device, { ...shape, outFeatures: 0 })).toThrow(
    "InpaintingDecoder: outFeatures is 0; expected a whole number from 1.",
  );
  const decoder = new InpaintingDecoder(device, shape);
  const tokens = normal(device, [1, 2, 16], { key: { seed: 3, purpose: "tokens" } });
  const hidden = places([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(() => decoder.forward({ tokens, visible: places([0, 1]), hidden })).toThrow(
    "InpaintingDecoder: positions are missing; expected a table 12×16, e.g. encoder.patchPositions(), " +
      'because this decoder shares it. For a table of its own make it with positions: "own".',
  );
  expect(() =>
    decoder.forward({ tokens, visible: places([0, 1]), hidden: places([2, 3]), positions }),
  ).toThrow(
    "InpaintingDecoder: tokens are 1×2×16, visible 1×2 and hidden 1×2; " +
      "expected B×K×16 (with class and register tokens before them B×(C+K)×16), B×K and B×(12−K).",
  );
});
