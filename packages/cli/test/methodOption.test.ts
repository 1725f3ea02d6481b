import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { finetuneFields, noteOf, pickFields, sharedGroups } from "@splitmask/pipelines/settings";
import { Command } from "commander";
import { addFieldOptions } from "../src/commands/fieldOptions.js";
import { callMain } from "./command.js";
import { writePictures } from "./pictures.js";

const { fields: runFields } = sharedGroups.run;

const resolved = (name: string) => pathToFileURL(createRequire(import.meta.url).resolve(name)).href;
let folder: string;
let method: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-method-option-"));
  method = join(folder, "other.mjs");
  await writeFile(
    method,
    `import { field } from "${resolved("@splitmask/pipelines/settings")}";
    import { z } from "${resolved("zod")}";
    export default {
      name: "other", title: "Other", paper: "none", recipe: {}, decide() {}, create() {},
      fields: {
        hiddenRatio: field(z.number().max(1), { description: "Share that is hidden", placeholder: "<share>" }),
        shown: field(z.record(z.string(), z.number()), { description: "For files only" }),
      },
    };`,
  );
});
afterAll(() => rm(folder, { recursive: true }));

test("--help has the options group by group, and the method's own", async () => {
  const { output } = await callMain(["pretrain", "--help"]);
  expect(output).toMatch(/\nSplitMask:\n {2}--decoder-depth <n> .*\n(.|\n)*--mask <mode>/);
  expect(output).toMatch(/\nModel:\n {2}--model <name> /);
  expect(output).toMatch(/\n {2}--recompute {2,}[a-z]/);
  const other = await callMain(["pretrain", "--method", method, "--help"]);
  expect(other.output).toMatch(/\nOther:\n {2}--hidden-ratio <share> +share that is hidden\n\nModel:/);
  expect(other.output).not.toContain("--mask");
});

test("a flag may be given both ways", () => {
  const given = (...args: string[]) => {
    const command = new Command();
    const read = addFieldOptions(command, [{ title: "Run", fields: pickFields(runFields, ["recompute"]) }]);
    return read(command.parse(args, { from: "user" }).opts());
  };
  expect([given(), given("--recompute"), given("--no-recompute")]).toEqual([
    ...[{}, { recompute: true }, { recompute: false }],
  ]);
});

test("the method's own options are read, whether --method or the configuration names it", async () => {
  const config = join(folder, "config.json");
  await writeFile(config, '{ "method": "./other.mjs" }');
  for (const named of [
    ["--method", method],
    ["--config", config],
  ]) {
    const outcome = await callMain(["pretrain", folder, ...named, "--hidden-ratio", "2"]);
    expect([outcome.code, outcome.error]).toEqual([
      2,
      "error: command line: --hidden-ratio: got 2, expected a number of at most 1.\n",
    ]);
    const unknown = await callMain(["pretrain", folder, ...named, "--mask", "block"]);
    expect([unknown.code, unknown.error]).toEqual([2, expect.stringContaining("unknown option '--mask'")]);
  }
  const json = await callMain(["pretrain", folder, "--method", "splitmsk", "--json"]);
  expect(json).toMatchObject({
    code: 2,
    output: expect.stringContaining('{"error":"method: there is no method'),
  });
});

test("a method whose settings clash with the shared ones is an error", async () => {
  const clashing = join(folder, "clashing.mjs");
  await writeFile(
    clashing,
    `import other from "./other.mjs"; export default { ...other, fields: { batch: other.fields.hiddenRatio } };`,
  );
  const outcome = await callMain(["pretrain", folder, "--method", clashing]);
  expect([outcome.code, outcome.error]).toEqual([
    2,
    expect.stringContaining('its field "batch" has the name of'),
  ]);
});

test("schema prints what a file may hold, for the method and the command", async () => {
  const outcome = await callMain(["schema", "--method", method]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  expect(JSON.parse(outcome.output)).toMatchObject({
    title: "Configuration of splitmask pretrain with Other",
    properties: {
      hiddenRatio: { type: "number", maximum: 1 },
      batch: { type: "integer" },
      shown: { type: "object" },
    },
    additionalProperties: false,
  });
  const finetune = JSON.parse((await callMain(["schema", "--for", "finetune"])).output) as {
    properties: object;
  };
  expect(Object.keys(finetune.properties)).toEqual(expect.arrayContaining(["recipe", "mixup", "trainSplit"]));
  expect(finetune.properties).not.toHaveProperty("mask");
  const tokenizer = JSON.parse((await callMain(["schema", "--for", "tokenizer"])).output) as typeof finetune;
  expect(Object.keys(tokenizer.properties)).toEqual(expect.arrayContaining(["hiddenWidth", "imageSize"]));
});

test("names of other libraries' scripts stand for ours, where a command has no option of that name", async () => {
  const pictures = join(folder, "pictures");
  await writePictures(pictures, 4);
  const planned = async (...args: string[]) => {
    const outcome = await callMain(["pretrain", pictures, ...args, "--dry-run", "--json"]);
    expect([outcome.code, outcome.error.includes("error")]).toEqual([0, false]);
    return (JSON.parse(outcome.output) as { config: object }).config;
  };
  const ours = await planned("--learning-rate", "0.01", "--batch", "4", "--image-size", "32", "--patch", "8");
  expect(await planned("--lr", "0.01", "--batch-size=4", "--img-size", "32", "--patch-size", "8")).toEqual(
    ours,
  );
  // Here it is a part of the source.
  const split = await callMain(["pretrain", pictures, "--split", "0.2", "--dry-run"]);
  expect(split.error).not.toContain("unknown option");
  const held = await callMain(["knn", "run", "--train", "a", "--split", "2"]);
  expect(held.error).toContain("--held-out: got 2");
});

test("help has one form of sentence, with our options' names", async () => {
  for (const command of ["pretrain", "finetune", "knn", "study"]) {
    const { output } = await callMain([command, "--help"]);
    expect(output).not.toContain("Default:");
    expect(output.match(/^ {2}--\S+.* {2}[a-z]/gm)!.length).toBeGreaterThan(5);
  }
  const texts = Object.values(finetuneFields).map((type) => noteOf(type).description);
  expect(texts.filter((text) => /\b[a-z]+[A-Z]/.test(text))).toEqual([]);
});

const labelled = ["run", "--train", "a", "--test", "b"];
test.each([
  [
    ["pretrain", "x", "--mask", "blok"],
    'got "blok", expected one of "block", "uniform". Did you mean "block"?',
  ],
  [["pretrain", "x", "--tokenizer", "kmeans"], 'Did you mean "k-means"?'],
  [["tokenizer", "fit", "x", "--reconstruction", "square"], 'Did you mean "squares"?'],
  [["tokenizer", "fit", "x"], "--out: expected the run folder to write"],
  [["pretrain", "x", "--schedule", "linaer"], 'Did you mean "linear"?'],
  [["pretrain", "x", "--maks", "block"], "Did you mean --mask?"],
  [["preview", "x", "--augmentation", "colour"], 'Did you mean "color"?'],
  [["finetune", ...labelled, "--recipe", "paper-smal"], 'Did you mean "paper-small"?'],
  [["knn", ...labelled, "--value-range", "percentile"], 'Did you mean "percentiles"?'],
  [["knn", ...labelled, "--fail-on", "warnings"], 'Did you mean "warning"?'],
  [["probe", ...labelled, "--optimizer", "sdg"], 'Did you mean "sgd"?'],
  [["predict", "run", "x", "--classifier", "prob"], 'Did you mean "probe"?'],
  [["report", "run", "--map", "umpa"], '--map: got "umpa", expected pca or umap. Did you mean "umap"?'],
  [["cache", "claer"], 'Did you mean "clear"?'],
  [["schema", "--for", "pre-train"], 'Did you mean "pretrain"?'],
])("%j", async (args, text) => {
  const outcome = await callMain(args);
  expect(outcome.error).toContain(text);
  expect(outcome.code).toBe(2);
});
