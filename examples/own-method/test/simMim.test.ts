import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { normal, slice, type Tensor } from "@splitmask/autograd";
import { main } from "@splitmask/cli";
import simMim from "@splitmask/example-own-method";
import { createDevice } from "@splitmask/kernels";
import { Decisions } from "@splitmask/methods";
import type { ForwardContext } from "@splitmask/nn";
import {
  defineConfig,
  evaluate,
  finetune,
  pretrain,
  readRun,
  silentTerminal,
  writeComparison,
  writeReport,
} from "@splitmask/pipelines";
import sharp from "sharp";

const module = resolve("dist/simMim.js");
const tiny = {
  width: 16,
  depth: 1,
  heads: 2,
  imageSize: 32,
  patch: 8,
  threads: 1,
  batch: 4,
} as const;
const options = "--width 16 --depth 1 --heads 2 --image-size 32 --patch 8 --threads 1 --batch 4".split(" ");
let folder: string;
let pictures: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-own-method-"));
  pictures = join(folder, "pictures");
  for (const [kind, turn] of [
    ["lying", 0],
    ["standing", 90],
  ] as const) {
    await mkdir(join(pictures, kind), { recursive: true });
    for (let number = 0; number < 4; number++) {
      const svg = `<svg width="32" height="32"><rect width="32" height="32" fill="hsl(${number * 80},60%,70%)"/>
        <path transform="rotate(${turn} 16 16)" d="M0 ${8 + number}h32v6h-32z"/></svg>`;
      await sharp(Buffer.from(svg))
        .png()
        .toFile(join(pictures, kind, `${number}.png`));
    }
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function command(...args: string[]) {
  const texts = { output: "", error: "" };
  const stream = (name: "output" | "error") => ({
    write(text: string) {
      texts[name] += text;
    },
  });
  const code = await main(args, { output: stream("output"), error: stream("error") });
  return { code, ...texts };
}

/** What every run of a method gives: a report that shows it, k-NN, fine-tuning. */
async function works(run: string, ...given: string[]) {
  const report = await command("report", run, ...given, "--threads", "1");
  expect([report.code, report.error]).toEqual([0, expect.any(String)]);
  const page = await readFile(join(run, "report.html"), "utf8");
  const shown = ["SimMIM", "Hidden squares, and the pixels", "the encoder sees", "painted"];
  expect(shown.filter((text) => !page.includes(text))).toEqual([]);
  const labelled = ["--train", pictures, "--test", pictures, "--threads", "1"];
  for (const untrained of [[], ["--untrained", ...given]]) {
    const knn = await command("knn", run, ...labelled, "--json", ...untrained);
    expect(JSON.parse(knn.output.trim().split("\n").at(-1)!)).toMatchObject({ accuracy: expect.any(Number) });
  }
}

const lossesOf = async (run: string) =>
  (await readFile(join(run, "metrics.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).losses.total);

test("--method trains with it, its own options among the others, and goes on after a stop", async () => {
  const run = join(folder, "named");
  const asked = ["pretrain", pictures, "--out", run, "--method", module, ...options, "--mask-ratio", "0.5"];
  const outcome = await command(...asked, "--steps", "4");
  expect([outcome.code, outcome.error]).toEqual([0, expect.not.stringContaining("warning")]);
  const { description } = await readRun(run);
  expect(description).toMatchObject({
    method: "simmim",
    methodFile: module,
    config: { maskRatio: 0.5, maskPatch: 8 },
  });
  expect(description.choices).toContainEqual(expect.objectContaining({ name: "hidden", reason: "given" }));
  await works(run);
  await finetune({
    ...{ run, train: pictures, test: pictures, out: join(folder, "tuned") },
    config: { epochs: 1, batch: 4, threads: 1 },
  });
  expect((await readRun(join(folder, "tuned"))).description.pretrained).toMatchObject({ run, steps: 4 });

  const help = await command("pretrain", "--method", module, "--help");
  expect(help.output).toMatch(/\nSimMIM:\n {2}--mask-ratio <share> .*\n(.*\n)* {2}--mask-patch <pixels>/);
  const wrong = await command(...asked, "--overwrite", "--mask-patch", "12");
  expect([wrong.code, wrong.error]).toEqual([2, "error: maskPatch: 12 of 32 pixels; use 8 or 16.\n"]);
});

test("a TypeScript module serves where Node.js strips types, else the error says what to do", () => {
  const bin = createRequire(import.meta.url)
    .resolve("@splitmask/cli/package.json")
    .replace("package.json", "dist/bin.js");
  const asked = [bin, "pretrain", pictures, "--method", resolve("src/simMim.ts"), ...options, "--dry-run"];
  const { status, stderr, stdout } = spawnSync(process.execPath, asked, { encoding: "utf8" });
  const strips = (process.features as { readonly typescript?: string | false }).typescript;
  if (strips) expect([status, stdout]).toEqual([0, expect.stringContaining("SimMIM")]);
  else expect([status, stderr]).toEqual([2, expect.stringContaining("simMim.ts: Node.js")]);
});

test("a configuration module that holds it is where report and resume find it", async () => {
  const config = join(folder, "simmim.config.mjs");
  await writeFile(
    config,
    `import simMim from ${JSON.stringify(pathToFileURL(module).href)};
    export default { method: simMim, maskPatch: 16, ...${JSON.stringify(tiny)}, checkpointEvery: 2 };`,
  );
  const [whole, halves] = [join(folder, "whole"), join(folder, "halves")];
  for (const out of [whole, halves]) {
    const outcome = await command("pretrain", pictures, "--out", out, "--config", config, "--steps", "4");
    expect([outcome.code, outcome.error]).toEqual([0, expect.any(String)]);
  }
  expect((await readRun(whole)).description).toMatchObject({ methodFile: config, config: { maskPatch: 16 } });
  await works(whole);

  await rm(join(halves, "checkpoints", "step-000004"), { recursive: true });
  const resumed = await command("pretrain", pictures, "--out", halves, "--resume");
  expect([resumed.code, resumed.error]).toEqual([0, expect.any(String)]);
  expect(await lossesOf(halves)).toEqual(await lossesOf(whole));

  const moved = join(folder, "moved.config.mjs");
  await rename(config, moved);
  const lost = await command("report", whole);
  expect([lost.code, lost.error]).toEqual([
    2,
    expect.stringContaining(`method: there is no file ${config}.`),
  ]);
  await works(whole, "--method", moved);
});

test("a program gives it as an object, and again where the run is read", async () => {
  const run = join(folder, "code");
  const config = defineConfig({ method: simMim, maskRatio: 0.7, ...tiny, steps: 2 });
  await pretrain({ folder: pictures, out: run, config });
  expect((await readRun(run)).description).toMatchObject({ method: "simmim", methodFile: null });

  const labelled = { run, train: pictures, test: pictures, threads: 1 };
  await expect(writeReport({ run })).rejects.toThrow(
    'method: the run was trained with "simmim", which a program gave as an object, so that its run folder does not ' +
      "say where it is. Give it: --method ./its-module.js, or { method } in code.",
  );
  await writeReport({ run, method: simMim, threads: 1 });
  const again = { folder: pictures, out: run, resume: true } as const;
  await expect(pretrain(again)).rejects.toThrow("Give it: --method ./its-module.js");
  expect(await pretrain({ ...again, config: { method: simMim } })).toMatchObject({ step: 2, reason: "done" });
  await works(run, "--method", module);
  const request = { ...labelled, untrained: true, method: "mae" };
  await expect(evaluate(request, ["knn"], silentTerminal)).rejects.toThrow(
    'method: the run was trained with "simmim", and what is given is "mae". Give the method that it was trained with.',
  );
  const comparison = join(folder, "comparison.html");
  await writeComparison({ runs: [run, run], method: simMim, out: comparison });
  expect(await readFile(comparison, "utf8")).toContain("Error of the hidden pixels");
  await writeComparison({ runs: [run, run], out: comparison });
  expect(await readFile(comparison, "utf8")).toContain("Pixels loss");
});

test("a method of one's own has a name of its own", () =>
  expect(
    pretrain({ folder: pictures, out: join(folder, "none"), config: { method: { ...simMim, name: "mae" } } }),
  ).rejects.toThrow('method: "mae" is the name of MAE; give a method of your own another name.'));

test("squares of a picture are hidden as a whole, by (seed, step, place in the batch)", async () => {
  const device = createDevice({ threads: 1 });
  const facts = { count: 8, classes: 0, imageSize: 32, patch: 4, patches: 64, batch: 4 };
  const own = simMim.decide({ maskPatch: 8 }, facts, new Decisions());
  expect(own).toEqual({ maskPatch: 8, maskRatio: 0.6 });
  const shape = { width: 16, depth: 1, heads: 2, imageSize: 32, patch: 4, layerScale: null, dropPath: 0 };
  const scale = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
  const run = { batch: 4, precision: "float32", seed: 3, cropScale: 0.67, flip: 0.5 } as const;
  const { model } = simMim.create(device, { ...shape, ...scale, ...run, ...own }, undefined);
  const images = normal(device, [4, 3, 32, 32], { key: { seed: 1, purpose: "images" } });
  const hiddenOf = async (pictures: Tensor, samples?: ForwardContext["samples"]) => {
    const { hidden, visible } = model.forward(pictures, { training: true, seed: 3, step: 7, samples });
    expect([...(await hidden.data()), ...(await visible.data())]).toHaveLength(pictures.shape[0]! * 64);
    return Array.from(await hidden.data());
  };
  const hidden = await hiddenOf(images);
  expect(hidden).toHaveLength(4 * 10 * 4); // 60 % of 16 squares are 10, of 4 patches each
  for (let picture = 0; picture < 4; picture++) {
    const own = new Set(hidden.slice(picture * 40, (picture + 1) * 40));
    const squares = new Set(
      [...own].map((place) => 4 * Math.floor(place / 16) + Math.floor((place % 8) / 2)),
    );
    expect([own.size, squares.size]).toEqual([40, 10]);
  }
  const last = await hiddenOf(slice(images, 0, 2, 4), { first: 2, count: 2, total: 4 });
  expect(last).toEqual(hidden.slice(80));
  device.close();
});
