import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors, uniform, writeSafetensors } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { loadEncoder, saveEncoder, VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";

const device = createDevice({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "splitmask-encoder-"));
const file = join(folder, "encoder.safetensors");
const encoder = new VisionTransformer(
  device,
  { imageSize: 16, patchSize: 8, width: 8, depth: 1, heads: 2, classToken: true, layerScale: 0.1 },
  { seed: 3 },
);
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
beforeEach(() => saveEncoder(file, { encoder, normalization }));
afterAll(() => {
  device.close();
  rmSync(folder, { recursive: true });
});

test.each([
  ["the run folder", folder],
  ["the file", file],
])("an encoder comes back from %s with the same features and its normalization", async (_, path) => {
  const loaded = await loadEncoder(device, path);
  const images = uniform(device, [2, 3, 16, 16], { low: -1, high: 1, key: { seed: 1, purpose: "pictures" } });
  expect(await loaded.encoder.encode(images).data()).toEqual(await encoder.encode(images).data());
  expect(loaded.normalization).toEqual(normalization);
  expect(loaded.encoder.config).toEqual(encoder.config);
});

const shapes: Record<string, Partial<VisionTransformerConfig>> = {
  "patches with LayerScale": { layerScale: 0.5 },
  "no positions": { positions: "none", qkvBias: false },
  "a class token without a position": { classToken: true, prefixPositions: "none" },
  registers: { classToken: true, registerTokens: 2, layerScale: 0.5 },
  "registers with positions": { classToken: true, registerTokens: 2, prefixPositions: "all" },
  "quick GELU": { classToken: true, activation: "quickGelu" },
};
const clip = { classToken: true, activation: "quickGelu", preNorm: true, epsilon: 1e-5 } as const;

test.each([
  ...Object.entries(shapes).flatMap(([name, shape]) => [
    [name, "timm", shape] as const,
    [name, "transformers", shape] as const,
  ]),
  ["CLIP", "timm", clip] as const,
])("%s, written for %s, comes back with the same tokens", async (_, format, shape) => {
  const common = { imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 2 };
  const written = new VisionTransformer(device, { ...common, ...shape });
  const drawn = [...written.namedParameters()].map(([name, { shape: own }]) => {
    const key = { seed: 1, purpose: name };
    return [name, uniform(device, [...own], { low: -0.5, high: 0.5, key })] as const;
  });
  written.loadStateDict(new Map(drawn));
  const path = join(folder, "written", format);
  await saveEncoder(path, { encoder: written, normalization }, { format });
  const read = await loadEncoder(device, path);
  expect(read.normalization).toEqual(normalization);
  const images = uniform(device, [2, 3, 16, 16], { low: -1, high: 1, key: { seed: 1, purpose: "pictures" } });
  const tokens = (of: VisionTransformer) => of.encode(images, { pooling: "none" }).data();
  expect(largestError(await tokens(read.encoder), await tokens(written))).toBeLessThan(1e-5);
});

test("timm is told the pooling as an argument: its default needs a class token", async () => {
  const poolingOf = async (classToken: boolean) => {
    const made = new VisionTransformer(device, { ...encoder.config, classToken });
    const path = join(folder, "pooled");
    await saveEncoder(path, { encoder: made, normalization }, { format: "timm" });
    return JSON.parse(readFileSync(join(path, "config.json"), "utf8")).model_args.global_pool;
  };
  expect([await poolingOf(false), await poolingOf(true)]).toEqual(["avg", "token"]);
});

test("what a library does not have is an error", async () => {
  const saved = (shape: Partial<VisionTransformerConfig>, format: "timm" | "transformers") => {
    const common = { imageSize: 16, patchSize: 8, width: 8, depth: 1, heads: 2 };
    const made = new VisionTransformer(device, { ...common, ...shape });
    return expect(saveEncoder(join(folder, "none"), { encoder: made, normalization }, { format })).rejects;
  };
  await (await saved({ preNorm: true }, "transformers")).toThrow(
    "saveEncoder: transformers has no vision transformer with a norm before the blocks",
  );
  await (await saved({ relativePositionBias: "shared" }, "timm")).toThrow(
    "timm has no vision transformer with",
  );
  await (await saved({ imageSize: [8, 16] }, "transformers")).toThrow("pictures of 8×16 pixels");
});

test("what is no encoder is an error that says so", async () => {
  await expect(loadEncoder(device, join(folder, "none"))).rejects.toThrow(
    /^readEncoder: there is no .*none.encoder\.safetensors and no .*model\.safetensors\. Give a run folder whose/,
  );
  const { metadata, tensors } = await readSafetensors(file);
  const { normalization: _, ...without } = metadata;
  const wrong: [Record<string, string>, string][] = [
    [without, "has normalization missing; expected an object as JSON"],
    [{ ...metadata, config: "[" }, "has config [; expected an object as JSON"],
    [
      { ...metadata, normalization: '{"mean":[0,0],"std":[1,1,1]}' },
      "expected mean and std with 3 numbers each",
    ],
    [{ ...metadata, normalization: '{"mean":[0,0,0],"std":[1,0,1]}' }, "those of std above 0"],
    [
      { ...metadata, config: JSON.stringify({ ...encoder.config, width: 12 }) },
      "cls_token (given 1×1×8, expected 1×1×12)",
    ],
  ];
  for (const [changed, text] of wrong) {
    await writeSafetensors(file, tensors, changed);
    await expect(loadEncoder(device, file)).rejects.toThrow(text);
  }
});
