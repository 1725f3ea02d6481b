import { multiply, sum, type Tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { inference } from "@splitmask/nn";
import {
  relativePositionIndex,
  resamplePositions,
  VisionTransformer,
  type VisionTransformerConfig,
} from "@splitmask/vit";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const models: Record<string, VisionTransformerConfig> = {
  "vit-patches": { imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 3 },
  "vit-class-token": {
    imageSize: [12, 8],
    patchSize: 4,
    width: 16,
    depth: 2,
    heads: 2,
    mlpRatio: 2,
    classToken: true,
    layerScale: 0.1,
    qkvBias: false,
  },
  "beit-shared-bias": {
    imageSize: [12, 8],
    patchSize: 4,
    width: 16,
    depth: 2,
    heads: 2,
    mlpRatio: 2,
    classToken: true,
    layerScale: 0.1,
    positions: "none",
    relativePositionBias: "shared",
  },
};

/** timm's own weights under timm's own names. */
async function timmModel(name: string) {
  const fixture = await ModelFixture.read(new URL(`fixtures/${name}.safetensors`, import.meta.url));
  const model = new VisionTransformer(device, models[name]!);
  model.loadStateDict(fixture.under("parameter."));
  return { fixture, model };
}

/** The largest relative error over all named gradients, with its name. */
async function worstGradient(model: VisionTransformer, fixture: ModelFixture, prefix: string) {
  let worst = { name: "", error: 0 };
  const parameters = model.namedParameters();
  expect([...parameters.keys()].sort()).toEqual([...fixture.under(prefix).keys()].sort());
  for (const [name, parameter] of parameters) {
    const error = await fixture.error(parameter.grad, prefix + name);
    if (!(error <= worst.error)) worst = { name, error };
  }
  return worst;
}

describe.each(Object.keys(models))("timm's %s", (name) => {
  test("gives the same tokens and every named gradient", async () => {
    const { fixture, model } = await timmModel(name);
    const tokens = model.forward(fixture.upload(device, "input.images"), inference);
    expect(await fixture.error(tokens, "output.tokens")).toBeLessThan(1e-5);
    sum(multiply(tokens, fixture.upload(device, "input.tokensGradient"))).backward();
    const worst = await worstGradient(model, fixture, "gradient.");
    expect(worst).toEqual({ name: worst.name, error: expect.closeTo(0, 4) });
  });

  test("gives the same tokens of visible patches only, and every named gradient", async () => {
    const { fixture, model } = await timmModel(name);
    const indices = fixture.upload(device, "input.indices");
    const tokens = model.encodeTokens(fixture.upload(device, "input.images"), indices);
    expect(await fixture.error(tokens, "output.visible")).toBeLessThan(1e-5);
    sum(multiply(tokens, fixture.upload(device, "input.visibleGradient"))).backward();
    const worst = await worstGradient(model, fixture, "visibleGradient.");
    expect(worst).toEqual({ name: worst.name, error: expect.closeTo(0, 4) });
  });

  test("gives the same pooled vectors, of every layer too, and the same attention of the last layer", async () => {
    const { fixture, model } = await timmModel(name);
    const images = fixture.upload(device, "input.images");
    const pooled = model.encode(images, { pooling: model.config.classToken ? "class" : "mean" });
    expect(await fixture.error(pooled, "output.pooled")).toBeLessThan(1e-5);
    const pooling = model.config.classToken ? "class" : "mean";
    for (const norm of [true, false]) {
      const layers = model.encodeLayers(images, { pooling, norm });
      expect(layers).toHaveLength(2);
      for (const [index, layer] of layers.entries())
        expect(await fixture.error(layer, `output.layer.${index + 1}${norm ? ".norm" : ""}`)).toBeLessThan(
          1e-5,
        );
    }
    const maps = model.attentionMaps(images);
    expect(maps.shape).toEqual(fixture.get("output.attention").shape);
    expect(await fixture.error(maps, "output.attention")).toBeLessThan(1e-5);
  });
});

test.each([
  [3, 2],
  [4, 4],
] as const)("the rows of a relative position bias are timm's, of a grid of %i×%i", async (rows, columns) => {
  const fixture = await ModelFixture.read(new URL("fixtures/relativePositions.safetensors", import.meta.url));
  const expected = (name: string) => Array.from(fixture.get(`${rows}x${columns}.${name}`).data as Int32Array);
  const grid = [rows, columns] as const;
  expect([...relativePositionIndex(grid, "first")]).toEqual(expected("classToken"));
  expect([...relativePositionIndex(grid, "none")]).toEqual(expected("patches"));
});

test.each([
  ["up", 0, [4, 4], [7, 7]],
  ["down", 1, [6, 6], [4, 3]],
  ["mixed", 0, [3, 5], [5, 3]],
] as const)("positions are resampled as timm does, with gradients (%s)", async (label, prefix, from, to) => {
  const fixture = await ModelFixture.read(new URL("fixtures/positions.safetensors", import.meta.url));
  const table = fixture.upload(device, `input.${label}`, true);
  const resampled: Tensor = resamplePositions(table, from, to, prefix);
  expect(await fixture.error(resampled, `output.${label}`)).toBeLessThan(1e-5);
  sum(multiply(resampled, fixture.upload(device, `input.${label}Gradient`))).backward();
  expect(await fixture.error(table.grad, `gradient.${label}`)).toBeLessThan(1e-5);
});
