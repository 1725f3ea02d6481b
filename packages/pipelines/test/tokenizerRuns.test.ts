import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  embed,
  type FitTokenizerResult,
  fitTokenizer,
  fitTokenizerDryRun,
  pretrain,
  silentTerminal,
  type TokenizerRunConfig,
  writeReport,
} from "@splitmask/pipelines";
import sharp from "sharp";

let folder: string;
let result: FitTokenizerResult;
const at = (...names: string[]) => join(folder, ...names);
const config = {
  ...{ imageSize: 16, vocabulary: 12, hiddenWidth: 4, blocks: 1 },
  ...{ batch: 4, steps: 3, threads: 1, healthEvery: 1 },
} satisfies TokenizerRunConfig;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-tokenizer-runs-"));
  await mkdir(at("pictures"));
  for (let number = 0; number < 8; number++) {
    const background = { r: 30 * number, g: 130, b: 255 - 20 * number };
    const picture = sharp({ create: { width: 24, height: 20, channels: 3, background } });
    await picture.png().toFile(at("pictures", `${number}.png`));
  }
  result = await fitTokenizer({ folder: at("pictures"), out: at("words"), config });
});
afterAll(() => rm(folder, { recursive: true }));

test("is done, and its settings are in the run folder", async () => {
  expect(result).toMatchObject({ reason: "done", step: 3, tokenizer: at("words", "tokenizer.safetensors") });
  expect(JSON.parse(await readFile(at("words", "config.json"), "utf8"))).toMatchObject({
    ...{ kind: "tokenizer", method: "discrete-vae", encoder: null },
    config: { imageSize: 16, vocabulary: 12, hiddenWidth: 4, divergenceWeight: 6.6, ema: 0.999 },
  });
  const { estimate } = await fitTokenizerDryRun({ folder: at("pictures"), config });
  expect(estimate.steps).toBe(3);
});

test("goes on where a signal ended it, to the same bits", async () => {
  const stopping = new AbortController();
  const progress = (text: string) => /step 1\b/.test(text) && stopping.abort();
  const terminal = { ...silentTerminal, progress: (text: string) => void progress(text) };
  const request = { folder: at("pictures"), out: at("stopped") };
  const interrupted = await fitTokenizer({ ...request, config, signal: stopping.signal }, terminal);
  expect(interrupted).toMatchObject({ reason: "interrupted", tokenizer: null });
  const { tokenizer } = await fitTokenizer({ ...request, resume: true });
  expect((await readFile(tokenizer!)).equals(await readFile(result.tokenizer!))).toBe(true);
});

test("has a report with pictures beside those made of their words, and the words' statistics", async () => {
  const page = await readFile(await writeReport({ run: at("words"), threads: 1 }), "utf8");
  for (const text of [
    "A tokenizer of 12 words, a Discrete VAE (4 channels at full resolution), trained on 8 pictures at 16×16.",
    "Pictures made of their words",
    "reconstructed",
    "Perplexity of the words",
  ])
    expect(page).toContain(text);
});

test("its words are those of a pre-training run, whose view has 8 pixels a word, also where it is gone", async () => {
  await fitTokenizer({ folder: at("pictures"), out: at("gone"), config });
  const size = { width: 16, depth: 1, heads: 2, imageSize: 16, patch: 4, batch: 4, steps: 1, threads: 1 };
  const out = at("beit");
  const given = { ...size, method: "beit", tokenizer: at("gone") };
  await pretrain({ folder: at("pictures"), out, config: given });
  const described = JSON.parse(await readFile(join(out, "config.json"), "utf8")) as { config: object };
  expect(described.config).toMatchObject({
    ...{ tokenizer: at("gone", "tokenizer.safetensors"), vocabulary: 12, tokenizerPatch: 8 },
  });
  await rm(at("gone"), { recursive: true });
  expect(await readFile(await writeReport({ run: out, threads: 1 }), "utf8")).toContain("in words");
  await pretrain({ folder: at("pictures"), out, resume: true });
});

test("is not taken for a run with an encoder", async () => {
  const request = { run: at("words"), folder: at("pictures"), out: at("features.npy"), threads: 1 };
  await expect(embed(request)).rejects.toThrow(
    `${at("words")} is a run of splitmask tokenizer fit; expected one of splitmask pretrain.`,
  );
});
