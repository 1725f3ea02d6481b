import { type HostTensor, multiply, sum, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { inference } from "@splitmask/nn";
import { resamplePositions, VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { readFixture, relativeError, upload } from "./fixture.js";

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
};

const withPrefix = (fixture: Map<string, HostTensor>, prefix: string) =>
  new Map(
    [...fixture]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );

/** timm's own weights under timm's own names. */
async function timmModel(name: string) {
  const fixture = await readFixture(name);
  const model = new VisionTransformer(device, models[name]!);
  model.loadStateDict(withPrefix(fixture, "parameter."));
  return { fixture, model };
}

/** The largest relative error over all named gradients, with its name. */
async function worstGradient(model: VisionTransformer, expected: Map<string, HostTensor>) {
  let worst = { name: "", error: 0 };
  const parameters = model.namedParameters();
  expect([...parameters.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, parameter] of parameters) {
    const error = await relativeError(parameter.grad, expected.get(name));
    if (!(error <= worst.error)) worst = { name, error };
  }
  return worst;
}

describe.each(Object.keys(models))("timm's %s", (name) => {
  test("gives the same tokens and every named gradient", async () => {
    const { fixture, model } = await timmModel(name);
    const tokens = model.forward(upload(device, fixture, "input.images"), inference);
    expect(await relativeError(tokens, fixture.get("output.tokens"))).toBeLessThan(1e-5);
    sum(multiply(tokens, upload(device, fixture, "input.tokensGradient"))).backward();
    const worst = await worstGradient(model, withPrefix(fixture, "gradient."));
    expect(worst).toEqual({ name: worst.name, error: expect.closeTo(0, 4) });
  });

  test("gives the same tokens of visible patches only, and every named gradient", async () => {
    const { fixture, model } = await timmModel(name);
    const indices = upload(device, fixture, "input.indices");
    const tokens = model.encodeTokens(upload(device, fixture, "input.images"), indices);
    expect(await relativeError(tokens, fixture.get("output.visible"))).toBeLessThan(1e-5);
    sum(multiply(tokens, upload(device, fixture, "input.visibleGradient"))).backward();
    const worst = await worstGradient(model, withPrefix(fixture, "visibleGradient."));
    expect(worst).toEqual({ name: worst.name, error: expect.closeTo(0, 4) });
  });

  test("gives the same pooled vectors and the same attention of the last layer", async () => {
    const { fixture, model } = await timmModel(name);
    const images = upload(device, fixture, "input.images");
    const pooled = model.embed(images, model.config.classToken ? "class" : "mean");
    expect(await relativeError(pooled, fixture.get("output.pooled"))).toBeLessThan(1e-5);
    const maps = model.attentionMaps(images);
    expect(maps.shape).toEqual(fixture.get("output.attention")!.shape);
    expect(await relativeError(maps, fixture.get("output.attention"))).toBeLessThan(1e-5);
  });
});

test.each([
  ["up", 0, [4, 4], [7, 7]],
  ["down", 1, [6, 6], [4, 3]],
  ["mixed", 0, [3, 5], [5, 3]],
] as const)("positions are resampled as timm does, with gradients (%s)", async (label, prefix, from, to) => {
  const fixture = await readFixture("positions");
  const table = upload(device, fixture, `input.${label}`, true);
  const resampled: Tensor = resamplePositions(table, from, to, prefix);
  expect(await relativeError(resampled, fixture.get(`output.${label}`))).toBeLessThan(1e-5);
  sum(multiply(resampled, upload(device, fixture, `input.${label}Gradient`))).backward();
  expect(await relativeError(table.grad, fixture.get(`gradient.${label}`))).toBeLessThan(1e-5);
});
