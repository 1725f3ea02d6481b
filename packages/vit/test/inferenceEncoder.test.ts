import { normal, type Tensor, type WeightFormat } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { InferenceEncoder, VisionTransformer } from "@splitmask/vit";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const config = { imageSize: 16, patchSize: 4, width: 32, depth: 2, heads: 2, classToken: true } as const;
const model = new VisionTransformer(device, config, { seed: 1 });
const images = normal(device, [3, 3, 16, 16], { key: { seed: 1, purpose: "pictures" } });
const numbers = async (given: Tensor) => [...(await given.data())];

test("with float32 weights it gives the encoder's bits", async () => {
  const encoder = new InferenceEncoder(model);
  for (const pooling of ["mean", "class", "none"] as const)
    expect(await numbers(encoder.encode(images, { pooling }))).toEqual(
      await numbers(model.encode(images, { pooling })),
    );
  const [given, expected] = [encoder, model].map((each) => each.encodeLayers(images, { layers: [0, 2] }));
  for (const [layer, tensor] of given!.entries())
    expect(await numbers(tensor)).toEqual(await numbers(expected![layer]!));
  encoder.dispose();
  expect(() => encoder.encode(images)).toThrow("was disposed");
});

test("with bfloat16 and int8 weights it gives nearly the same features", async () => {
  const expected = await numbers(model.encode(images));
  const cosine = async (weights: WeightFormat) => {
    const given = await numbers(new InferenceEncoder(model, { weights }).encode(images));
    expect(given).not.toEqual(expected);
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    return dot(given, expected) / Math.sqrt(dot(given, given) * dot(expected, expected));
  };
  expect(await cosine("bfloat16")).toBeGreaterThan(0.9999);
  expect(await cosine("int8")).toBeGreaterThan(0.999);
});

test("keeps nothing but the packed weights, and never serves stale ones", async () => {
  const own = new VisionTransformer(device, config, { seed: 2 });
  const before = device.memory().liveBytes;
  const encoder = new InferenceEncoder(own, { weights: "int8" });
  encoder.encode(images).dispose();
  encoder.dispose();
  expect(device.memory().liveBytes).toBe(before);
  const stale = new InferenceEncoder(own);
  own.loadStateDict(model.stateDict());
  expect(() => stale.encode(images)).toThrow("was written to after it was packed");
  const fresh = new InferenceEncoder(own);
  expect(await numbers(fresh.encode(images))).toEqual(await numbers(model.encode(images)));
});
