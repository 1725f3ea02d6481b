import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { affine, multiply, normal, subtract, tensor, uniform } from "@splitmask/autograd";
import { arrayDataset } from "@splitmask/data";
import { embedDataset } from "@splitmask/eval";
import { createDevice } from "@splitmask/kernels";
import { checkOnnx, exportOnnx, OnnxEncoder, OnnxModel } from "@splitmask/onnx";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import ndarray from "ndarray";
import { halfBits } from "../src/export/weightFormats.js";

const device = createDevice({ threads: 2 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "export-"));
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

const small = { imageSize: [32, 24], patchSize: 8, width: 24, depth: 2, heads: 3 } as const;

/** An encoder all of whose parameters matter, biases and norms too. */
function encoderOf(config: Partial<VisionTransformerConfig> = {}): VisionTransformer {
  const encoder = new VisionTransformer(device, { ...small, ...config });
  const drawn = [...encoder.namedParameters()].map(([name, parameter]) => {
    const noise = normal(device, parameter.shape, {
      standardDeviation: 0.2,
      key: { seed: 1, purpose: name },
    });
    return [name, name.includes("norm") && name.endsWith("weight") ? affine(noise, 1, 1) : noise] as const;
  });
  encoder.loadStateDict(new Map(drawn));
  return encoder;
}

const drawPictures = (...shape: readonly [number, number, number, number]) =>
  uniform(device, shape, { low: -2, high: 2, key: { seed: 3, purpose: "pictures" } });

test.each<readonly [string, Partial<VisionTransformerConfig>]>([
  ["without a class token", {}],
  [
    "with a class token, layer scale and no last norm",
    { classToken: true, layerScale: 0.1, finalNorm: false },
  ],
  ["with sine-cosine positions and no biases", { classToken: true, positions: "sincos", qkvBias: false }],
  ["without positions", { positions: "none", classToken: true }],
  [
    "with a relative position bias",
    { imageSize: 32, positions: "none", classToken: true, relativePositionBias: "shared" },
  ],
])("an encoder %s gives the tokens of our own in onnxruntime", async (name, config) => {
  const path = join(folder, `${name}.onnx`);
  const encoder = encoderOf(config);
  await exportOnnx(path, encoder);
  expect(await checkOnnx(path, encoder)).toBeLessThan(2e-5);
  const model = await OnnxModel.load(path);
  expect(model.input.name).toBe("pixel_values");
  expect(model.outputs.map((output) => output.name)).toEqual([
    ...["last_hidden_state", "pooler_output", "mean_features"],
    ...(config.classToken ? ["class_features"] : []),
  ]);
  await model.close();
  const isFixed = config.relativePositionBias === "shared";
  if (isFixed) expect(model.input.shape).toEqual(["batch", 3, 32, 32]);
  else {
    // Larger along rows and smaller along columns: positions are interpolated as ours are.
    expect(await checkOnnx(path, encoder, { imageSize: [64, 16], pictures: 2 })).toBeLessThan(1e-4);
  }
});

test("an exported encoder embeds data sets as our own, with both kinds of pooling", async () => {
  const path = join(folder, "embedded.onnx");
  const encoder = encoderOf({ classToken: true });
  await exportOnnx(path, encoder, { pooling: "class" });
  const bytes = new Uint8Array(3 * 40 * 40 * 3).map((_, place) => (place * 37 + (place >> 5)) % 251);
  const dataset = arrayDataset(ndarray(bytes, [3, 40, 40, 3]));
  const view = { size: 24, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const exported = await OnnxEncoder.load(path);
  for (const pooling of ["mean", "class"] as const) {
    const [own, given] = await Promise.all(
      [encoder, exported].map((each) =>
        embedDataset({ device, dataset, view, encoder: each, pooling, batchSize: 2 }),
      ),
    );
    expect(given!.features.shape).toEqual([3, 24]);
    for (const [place, value] of own!.features.data.entries())
      expect(given!.features.data[place]).toBeCloseTo(value, 4);
  }
  const pictures = drawPictures(2, 3, 24, 24);
  const pooled = await exported.model.run(pictures, { output: "pooler_output" });
  const own = await exported.encode(pictures, { pooling: "class" });
  expect(Array.from(await pooled.data())).toEqual(Array.from(await own.data()));
  await exported.close();
});

test("pixels are normalized within the graph on request", async () => {
  const normalization = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };
  const encoder = encoderOf();
  const unit = uniform(device, [2, 3, 32, 24], { low: 0, high: 1, key: { seed: 5, purpose: "unit" } });
  const channels = (values: readonly number[]) => tensor(device, [values.map((value) => [[value]])]);
  const normalized = multiply(
    subtract(unit, channels(normalization.mean)),
    channels(normalization.std.map((x) => 1 / x)),
  );
  const expected = await encoder.encode(normalized).data();
  for (const [pixels, scale] of [
    ["unit", 1],
    ["bytes", 255],
  ] as const) {
    const path = join(folder, `${pixels}.onnx`);
    await exportOnnx(path, encoder, { pixels, normalization });
    const exported = await OnnxEncoder.load(path);
    const given = await (await exported.encode(affine(unit, scale, 0))).data();
    await exported.close();
    for (const [place, value] of expected.entries()) expect(given[place]).toBeCloseTo(value as number, 4);
  }
});

test("float16 and int8 weights make smaller files of nearly the same model", async () => {
  const encoder = new VisionTransformer(device, { ...small, imageSize: 32, width: 48, classToken: true });
  const sizes: number[] = [];
  const differences: number[] = [];
  for (const weights of ["float32", "float16", "int8"] as const) {
    const path = join(folder, `${weights}.onnx`);
    await exportOnnx(path, encoder, { weights });
    sizes.push((await stat(path)).size);
    differences.push(await checkOnnx(path, encoder, { tolerance: null }));
  }
  const [whole, half, quarter] = sizes as [number, number, number];
  // What is no weight of a linear layer stays float32.
  expect(half).toBeLessThan(0.66 * whole);
  expect(quarter).toBeLessThan(0.49 * whole);
  expect(differences[0]).toBeLessThan(1e-5);
  expect(differences[1]).toBeGreaterThan(differences[0]!);
  expect(differences[1]).toBeLessThan(2e-3);
  expect(differences[2]).toBeGreaterThan(differences[1]!);
  expect(differences[2]).toBeLessThan(0.1);
  await expect(checkOnnx(join(folder, "int8.onnx"), encoder)).rejects.toThrow(
    /^checkOnnx: .*int8.onnx differs from the model by 0.\d+ of the largest value; expected at most 0.0001/,
  );
});

test.each([
  [0, 0],
  [-0, 0],
  [1, 0x3c00],
  [-2, 0xc000],
  [0.1, 0x2e66],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [2 ** -24, 1],
  [2 ** -14 - 2 ** -26, 0x400],
  [65520, 0x7bff],
  [-1e9, 0xfbff],
])("%p is the half with the bits %p", (value, bits) => {
  expect(halfBits(value) & (value === 0 ? 0x7fff : 0xffff)).toBe(bits);
});

test("says what cannot be exported", async () => {
  const path = join(folder, "refused.onnx");
  await expect(exportOnnx(path, encoderOf(), { pooling: "class" })).rejects.toThrow(
    'exportOnnx: pooling is "class"; expected "mean" for this model.',
  );
  await expect(exportOnnx(path, encoderOf(), { weights: "int4" as never })).rejects.toThrow(
    'exportOnnx: weights is "int4"; expected "float32" or "float16" or "int8" for this model.',
  );
  await expect(exportOnnx(path, encoderOf(), { pixels: "bytes" })).rejects.toThrow(
    'exportOnnx: pixels are "bytes" and normalization is undefined; expected mean and std with 3 numbers each',
  );
  class Extended extends VisionTransformer {
    readonly extra = encoderOf().patch_embed.proj;
  }
  await expect(exportOnnx(path, new Extended(device, small))).rejects.toThrow(
    "exportOnnx: the model has extra.weight, extra.bias; the export does not know what they do.",
  );
});
