import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@splitmask/autograd";
import type { Evaluation } from "@splitmask/pipelines";
import { lastLine, callMain as splitmask } from "./command.js";
import { writePictures } from "./pictures.js";

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../vit/test/fixtures/namings/${name}`, import.meta.url));

let folder: string;
let clip: string;
let dino: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-encoder-files-"));
  await writePictures(join(folder, "train"), 6);
  await writePictures(join(folder, "test"), 2, 6);
  const places = { clip: "transformers-clip", dino: "transformers-dinov2-registers" };
  for (const [own, name] of Object.entries(places)) {
    await mkdir(join(folder, own));
    await copyFile(fixture(`${name}.safetensors`), join(folder, own, "model.safetensors"));
    await copyFile(fixture(`${name}.json`), join(folder, own, "config.json"));
  }
  clip = join(folder, "clip");
  dino = join(folder, "dino");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function called(...args: readonly string[]) {
  const outcome = await splitmask([...args, "--threads", "1", "--json"]);
  expect([outcome.code, outcome.error.includes("error")]).toEqual([0, false]);
  return lastLine(outcome) as Record<string, unknown>;
}

test("knn, embed and similar take another library's encoder in place of a run", async () => {
  const labelled = ["--train", join(folder, "train"), "--test", join(folder, "test")];
  const result = (await called("knn", clip, ...labelled, "--k", "3")) as unknown as Evaluation;
  expect([result.step, result.test]).toEqual([null, 4]);
  const out = join(folder, "patches.npy");
  const tokens = await called("embed", dino, join(folder, "test"), "--out", out, "--tokens", "patches");
  expect(tokens).toMatchObject({ count: 4, patches: 16, width: 32 });
  expect((await readFile(out)).subarray(0, 128).toString("latin1")).toContain("'shape': (4, 16, 32)");
  const mean = await called("embed", dino, join(folder, "test"), "--out", join(folder, "mean.npy"));
  expect(mean).toMatchObject({ count: 4, patches: null, width: 32 });
  const similar = await called(
    "similar",
    clip,
    join(folder, "test"),
    "--in",
    join(folder, "train"),
    "--top",
    "1",
  );
  expect(similar.pictures).toHaveLength(4);
  const untrained = await splitmask(["knn", clip, ...labelled, "--untrained"]);
  expect([untrained.code, untrained.error]).toEqual([2, expect.stringContaining("only a run knows")]);
});

test("finetune begins with a file's weights", async () => {
  const out = join(folder, "tuned");
  const labelled = ["--train", join(folder, "train"), "--test", join(folder, "test")];
  const small = ["--batch", "4", "--epochs", "1"];
  await called("finetune", dino, ...labelled, "--out", out, ...small, "--learning-rate", "1e-12");
  const { tensors } = await readSafetensors(join(out, "model.safetensors"));
  const { tensors: given } = await readSafetensors(join(dino, "model.safetensors"));
  const name = "patch_embed.proj.weight";
  const own = given.get("embeddings.patch_embeddings.projection.weight")!.data as Float32Array;
  for (const [place, value] of (tensors.get(name)!.data as Float32Array).entries())
    expect(value).toBeCloseTo(own[place]!, 5);
});

test.each(["splitmask", "dino", "mocov3", "mae", "beit"])(
  "pretrain --init goes on from given weights with %s",
  async (method) => {
    const out = join(folder, `more-${method}`);
    const steps = ["--method", method, "--batch", "4", "--steps", "1", "--learning-rate", "1e-12"];
    const size = ["--image-size", "32", "--warmup", "0"];
    await called("pretrain", join(folder, "train"), "--out", out, "--init", dino, ...steps, ...size);
    const { metadata, tensors } = await readSafetensors(join(out, "encoder.safetensors"));
    expect(JSON.parse(metadata.config!)).toMatchObject({
      registerTokens: 3,
      classToken: true,
      imageSize: [32, 32],
    });
    expect(JSON.parse(metadata.normalization!).mean[0]).toBe(0.485);
    expect(tensors.get("pos_embed")!.shape).toEqual([1, 65, 32]);
    const { tensors: given } = await readSafetensors(join(dino, "model.safetensors"));
    const own = given.get("embeddings.register_tokens")!.data as Float32Array;
    for (const [place, value] of (tensors.get("reg_token")!.data as Float32Array).entries())
      expect(value).toBeCloseTo(own[place]!, 5);
  },
);

test("what contradicts given weights is named", async () => {
  const outcome = (...args: string[]) =>
    splitmask(["pretrain", join(folder, "train"), "--out", join(folder, "none"), "--init", dino, ...args]);
  expect((await outcome("--width", "64")).error).toContain(
    `width and init: 64 was given, and ${dino} has 32; leave width out.`,
  );
  expect((await outcome("--model", "small")).error).toContain("model and init: the model is that of");
  expect((await outcome("--image-size", "18")).error).toContain(
    "the image size must be a multiple of the patch",
  );
});
