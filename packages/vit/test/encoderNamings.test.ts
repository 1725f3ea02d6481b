import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type HostTensor, multiply, readSafetensors, sum, writeSafetensors } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { inference } from "@splitmask/nn";
import {
  InferenceEncoder,
  loadEncoder,
  type ReadEncoderOptions,
  readEncoder,
  VisionTransformer,
} from "@splitmask/vit";

const device = createDevice({ threads: 2 });
const folder = mkdtempSync(join(tmpdir(), "splitmask-namings-"));
afterAll(() => {
  device.close();
  rmSync(folder, { recursive: true });
});

const fixtureOf = (name: string) => fileURLToPath(new URL(`fixtures/namings/${name}`, import.meta.url));
const features = await ModelFixture.read(new URL("fixtures/namings/features.safetensors", import.meta.url));

/** A folder as the library leaves it, with `config.json` where there is one. */
function folderOf(name: string): string {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  copyFileSync(fixtureOf(`${name}.safetensors`), join(own, "model.safetensors"));
  if (existsSync(fixtureOf(`${name}.json`)))
    copyFileSync(fixtureOf(`${name}.json`), join(own, "config.json"));
  return own;
}

async function featuresError(name: string, path: string, options?: ReadEncoderOptions): Promise<number> {
  const { encoder } = await loadEncoder(device, path, options);
  return features.error(encoder.forward(features.upload(device, "images"), inference), name);
}

const common = {
  imageSize: [16, 16],
  patchSize: 4,
  width: 32,
  depth: 2,
  heads: 4,
  mlpRatio: 2,
  classToken: true,
};
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const clip = { activation: "quickGelu", preNorm: true, epsilon: 1e-5 };

test.each([
  ["timm-vit", { epsilon: 1e-6, activation: "gelu" }, 0.485],
  ["timm-deit-distilled", { registerTokens: 1, prefixPositions: "all" }, 0.485],
  ["timm-dinov2-registers", { registerTokens: 3, prefixPositions: "none", layerScale: 1 }, 0.485],
  ["timm-clip", { ...clip, activation: "gelu" }, 0.48145466],
  ["transformers-vit", { epsilon: 1e-12 }, 0.5],
  ["transformers-mae", { epsilon: 1e-12 }, 0.485],
  ["transformers-dinov2", { layerScale: 1, epsilon: 1e-6 }, 0.485],
  ["transformers-dinov2-registers", { registerTokens: 3, prefixPositions: "class" }, 0.485],
  ["transformers-clip", clip, 0.48145466],
  ["facebook-dinov2-registers", { registerTokens: 3, prefixPositions: "class" }, 0.485],
])("%s gives the library's features, from the file and from a folder", async (name, expected, mean) => {
  const path = fixtureOf(`${name}.safetensors`);
  const { config, normalization } = await readEncoder(path, { heads: 4 });
  expect(config).toMatchObject({ ...common, ...expected });
  expect(normalization.mean[0]).toBe(mean);
  expect(await featuresError(name, path, { heads: 4 })).toBeLessThan(1e-4);
  const own = folderOf(name);
  // timm's config.json does not tell the heads.
  expect(await featuresError(name, own, name.startsWith("transformers") ? {} : { heads: 4 })).toBeLessThan(
    1e-4,
  );
});

test("files beside the weights say what these do not tell", async () => {
  const own = folderOf("timm-vit");
  writeFileSync(
    join(own, "config.json"),
    JSON.stringify({
      architecture: "vit_tiny_patch16_clip_quickgelu_224",
      pretrained_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
      model_args: { num_heads: 8 },
    }),
  );
  const timm = await readEncoder(own);
  expect(timm.config).toMatchObject({ heads: 8, activation: "quickGelu" });
  expect(timm.normalization).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  const other = folderOf("transformers-vit");
  writeFileSync(
    join(other, "preprocessor_config.json"),
    JSON.stringify({ image_mean: imageNet.mean, image_std: imageNet.std }),
  );
  expect((await readEncoder(other)).normalization).toEqual(imageNet);
  writeFileSync(join(other, "config.json"), JSON.stringify({ model_type: "vit", hidden_act: "silu" }));
  await expect(readEncoder(other)).rejects.toThrow('has hidden_act "silu"; expected gelu or quick_gelu');
});

test("what is no known encoder is an error that says what was found", async () => {
  const { tensors } = await readSafetensors(fixtureOf("timm-vit.safetensors"));
  const changed = async (change: (own: Map<string, HostTensor>) => void) => {
    const own = new Map(tensors);
    change(own);
    const path = join(folder, "changed.safetensors");
    await writeSafetensors(path, own);
    return expect(readEncoder(path, { heads: 4 })).rejects;
  };
  const bias = tensors.get("norm.bias")!;
  await expect(readEncoder(fixtureOf("timm-vit.safetensors"))).rejects.toThrow(
    "does not tell its heads: width 32 is no multiple of 64. Give { heads }",
  );
  await (await changed((own) => own.delete("patch_embed.proj.weight"))).toThrow(
    /holds \d+ tensors \(.*, of no vision transformer that is known\. Expected one of these patch embeddings/,
  );
  await (await changed((own) => own.set("blocks.0.attn.q_norm.weight", bias))).toThrow(
    "but also 1 that a VisionTransformer has no place for: blocks.0.attn.q_norm.weight.",
  );
  await (await changed((own) => own.set("teacher.patch_embed.proj.weight", bias))).toThrow(
    "there are 2 encoders in it: ",
  );
  await (
    await changed((own) =>
      own.set("blocks.0.mlp.fc1.weight", { ...bias, shape: [128, 32], data: new Float32Array(4096) }),
    )
  ).toThrow("has gated MLPs (fc1 gives 128 numbers, fc2 takes 64)");
  await (await changed((own) => own.delete("pos_embed"))).toThrow("has no positions");
});

test("timm's gradients: registers with positions, a norm before the blocks, quick GELU", async () => {
  const fixture = await ModelFixture.read(
    new URL("fixtures/registers-quick-gelu.safetensors", import.meta.url),
  );
  const model = new VisionTransformer(device, {
    ...{ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, classToken: true },
    ...{ activation: "quickGelu", registerTokens: 2, prefixPositions: "all", preNorm: true },
  });
  // timm's patch embedding has no bias before a norm.
  const bias = { dtype: "float32", shape: [8], data: new Float32Array(8) } as const;
  model.loadStateDict(new Map([...fixture.under("parameter."), ["patch_embed.proj.bias", bias]]));
  const tokens = model.forward(fixture.upload(device, "input.images"));
  expect(await fixture.error(tokens, "output.tokens")).toBeLessThan(1e-5);
  sum(multiply(tokens, fixture.upload(device, "input.tokensGradient"))).backward();
  const named = fixture.under("gradient.");
  expect(named.has("reg_token") && named.has("norm_pre.weight")).toBe(true);
  for (const name of named.keys()) {
    const error = await fixture.error(model.namedParameters().get(name)!.grad, `gradient.${name}`);
    expect([name, error]).toEqual([name, expect.closeTo(0, 4)]);
  }
  const packed = new InferenceEncoder(model).encode(fixture.upload(device, "input.images"), {
    pooling: "none",
  });
  expect(await fixture.error(packed, "output.tokens")).toBeLessThan(1e-5);
});
