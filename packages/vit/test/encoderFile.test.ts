import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors, uniform, writeSafetensors } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { loadEncoder, saveEncoder, VisionTransformer } from "@splitmask/vit";

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
