import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startBrowser, type TestBrowser } from "../../report/test/browser.js";
import { desktop, expectGood } from "../../report/test/goodPage.js";
import { callMain, lastLine, type Outcome, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let pictures: string;
let run: string;
let trained: Outcome;
let browser: TestBrowser;

const small = [...tinyModel, ..."--depth 1 --batch 8".split(" ")];

beforeAll(async () => {
  const starting = startBrowser();
  folder = await mkdtemp(join(tmpdir(), "splitmask-methods-"));
  pictures = join(folder, "pictures");
  run = join(folder, "mae");
  await writePictures(pictures, 6);
  trained = await callMain(["pretrain", pictures, "--out", run, "--method", "mae", ...small, "--steps", "3"]);
  browser = await starting;
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Calls the command, which has to do its work without a word of warning, and gives its result. */
async function done(...args: string[]): Promise<Record<string, unknown>> {
  const outcome = await callMain([...args, "--json"]);
  expect(outcome.code).toBe(0);
  return lastLine(outcome);
}

test("pretrain --method mae prepares nothing, and leaves a run folder that names it", async () => {
  expect([trained.code, trained.error]).toEqual([0, ""]);
  expect(trained.output).toContain("MAE");
  expect(trained.output).toMatch(/mask .*12 of 16 patches hidden/);
  expect(trained.output).not.toContain("tokenizer");
  expect(JSON.parse(await readFile(join(run, "config.json"), "utf8"))).toMatchObject({
    ...{ kind: "pretraining", method: "mae", methodFile: null, pretrained: null, test: null },
    encoder: { width: 32, depth: 1, positions: "sincos" },
    config: { visible: 0.25, normalizePixels: true },
  });
});

test("its page has what every run has, and what the method shows", async () => {
  const opened = await browser.open(join(run, "report.html"), desktop);
  await expectGood(opened);
  const { page } = opened;
  expect(await page.locator("h2").allTextContents()).toEqual([
    ...["Training", "Pictures painted from a few of their patches", "Attention", "Map of the embeddings"],
    ...["Nearest neighbors", "Confusion matrix", "Configuration"],
  ]);
  expect(await page.locator("header p").first().textContent()).toMatch(/pre-trained with MAE on 12 pictures/);
  await page.close();
});

test("its encoder is evaluated, embeds, and is fine-tuned as any other", async () => {
  const labelled = ["--train", pictures, "--test", pictures];
  expect(await done("knn", run, ...labelled, "--threads", "1")).toMatchObject({
    classes: ["across", "down"],
  });
  const rows = join(folder, "rows.npy");
  await done("embed", run, pictures, "--out", rows, "--threads", "1");
  expect((await readFile(rows)).subarray(0, 128).toString("latin1")).toContain("(12, 32)");
  const tuned = join(folder, "tuned");
  const result = await done(
    ...["finetune", run, ...labelled, "--out", tuned],
    ..."--epochs 1 --batch 6 --threads 1".split(" "),
  );
  expect(result).toMatchObject({ reason: "done", evaluation: { test: 12 } });
});

test("goes on by its own method, and by no other", async () => {
  const resume = ["pretrain", pictures, "--out", run, "--resume"];
  expect(await done(...resume)).toMatchObject({ reason: "done", step: 3 });
  const other = await callMain([...resume, "--method", "splitmask"]);
  expect([other.code, other.error]).toEqual([
    2,
    expect.stringContaining('the run was trained with "mae", and what is given is "splitmask"'),
  ]);
});

test("the module of a method may move, as pictures may", async () => {
  const pipelines = createRequire(import.meta.url).resolve("@splitmask/pipelines/package.json");
  const methods = pathToFileURL(createRequire(pipelines).resolve("@splitmask/methods")).href;
  const [first, second] = [join(folder, "first.mjs"), join(folder, "second.mjs")];
  await writeFile(
    first,
    `import { maeMethod } from "${methods}";\nexport default { ...maeMethod, name: "own", title: "Own" };\n`,
  );
  const own = join(folder, "own");
  await done("pretrain", pictures, "--out", own, "--method", first, ...small, "--steps", "1");
  await rename(first, second);
  const resume = ["pretrain", pictures, "--out", own, "--resume"];
  const gone = await callMain(resume);
  expect([gone.code, gone.error]).toEqual([2, expect.stringContaining(first)]);
  await done(...resume, "--method", second);
  expect(JSON.parse(await readFile(join(own, "config.json"), "utf8"))).toMatchObject({
    method: "own",
    methodFile: second,
  });
  await done("report", own);
});

test("stands beside a run of another method", async () => {
  const splitMask = join(folder, "splitmask");
  await done("pretrain", pictures, "--out", splitMask, ...small, "--vocabulary", "64", "--steps", "2");
  const { report } = await done("report", run, splitMask, "--out", join(folder, "compare.html"));
  const opened = await browser.open(String(report), desktop);
  await expectGood(opened);
  const { page } = opened;
  const figures = await page
    .locator("#figures tbody tr")
    .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
  const figure = (name: string) => figures.find(([first]) => first === name)!.slice(1);
  expect(figure("Match loss")).toEqual(["–", expect.stringMatching(/^\d/)]);
  expect(figure("Error of the hidden patches")).toEqual([expect.stringMatching(/^\d/), "–"]);
  expect(await page.locator("#settings tbody tr").allTextContents()).toContain("methodmaesplitmask");
  await page.close();
});

test("supervised learns the folders' names, goes on with them, and is evaluated as any other", async () => {
  const out = join(folder, "supervised");
  const args = ["pretrain", pictures, "--out", out, "--method", "supervised", ...small, "--steps", "3"];
  const outcome = await callMain(args);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  expect(outcome.output).toContain("12 pictures of 2 classes");
  expect(outcome.output).toMatch(/mixup .*0\.8 .*DeiT's recipe/);
  expect(JSON.parse(await readFile(join(out, "config.json"), "utf8"))).toMatchObject({
    ...{ kind: "pretraining", method: "supervised", classes: ["across", "down"], test: null },
    config: { classCount: 2, erasing: 0.25, repeats: 3, labelSmoothing: 0.1 },
  });
  expect(await done("pretrain", pictures, "--out", out, "--resume")).toMatchObject({
    reason: "done",
    step: 3,
  });
  const labelled = ["--train", pictures, "--test", pictures, "--threads", "1"];
  expect(await done("knn", out, ...labelled)).toMatchObject({ classes: ["across", "down"] });
  const tuned = ["finetune", out, ...labelled, "--out", join(folder, "tuned-supervised")];
  expect(await done(...tuned, ..."--epochs 1 --batch 6".split(" "))).toMatchObject({ reason: "done" });
  expect(await readFile(join(out, "report.html"), "utf8")).toContain(
    "pre-trained with Supervised training on 12 pictures of 2 classes",
  );
  const [flat, none] = [join(pictures, "across"), join(folder, "none")];
  const unlabelled = await callMain(["pretrain", flat, "--out", none, "--method", "supervised", ...small]);
  expect([unlabelled.code, unlabelled.error]).toEqual([
    1,
    expect.stringContaining(`--method supervised: ${flat} has no class folders; expected one folder`),
  ]);
});

test("distillation learns an ONNX model's features, of which the run folder has path and hash", async () => {
  const out = join(folder, "distilled");
  const teacher = fileURLToPath(new URL("../../onnx/test/fixtures/teacher.onnx", import.meta.url));
  const method = ["--method", "distillation", "--teacher", teacher, "--teacher-size", "32"];
  const outcome = await callMain(["pretrain", pictures, "--out", out, ...method, ...small, "--steps", "3"]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  expect(outcome.output).toMatch(
    /teacher.onnx: 12 features, of pictures of 32 pixels and of their 16 patches/,
  );
  expect(JSON.parse(await readFile(join(out, "config.json"), "utf8"))).toMatchObject({
    method: "distillation",
    config: { teacher, teacherSize: 32, patchWeight: 1, teacherFacts: { width: 12, patches: 16 } },
  });
  expect(JSON.parse(await readFile(join(out, "teacher.json"), "utf8"))).toEqual({
    path: teacher,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await done("pretrain", pictures, "--out", out, "--resume")).toMatchObject({
    reason: "done",
    step: 3,
  });
  expect(await readFile(join(out, "report.html"), "utf8")).toContain(
    "What the student makes of the teacher&#39;s features",
  );
  const labelled = ["--train", pictures, "--test", pictures, "--threads", "1"];
  expect(await done("knn", out, ...labelled)).toMatchObject({ classes: ["across", "down"] });
});

test("--tokenizer takes an ONNX model that gives logits over words", async () => {
  const out = join(folder, "onnx-words");
  const tokenizer = fileURLToPath(new URL("../../onnx/test/fixtures/tokenizer.onnx", import.meta.url));
  const args = ["pretrain", pictures, "--out", out, "--method", "beit", "--tokenizer", tokenizer, ...small];
  const outcome = await callMain([...args, "--steps", "3", "--accumulate", "2"]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  expect(outcome.output).toContain("10 words, entropy");
  expect(JSON.parse(await readFile(join(out, "config.json"), "utf8"))).toMatchObject({
    config: { tokenizer, vocabulary: 10, tokenizerPatch: 8, accumulate: 2 },
  });
  expect(await done("pretrain", pictures, "--out", out, "--resume")).toMatchObject({
    reason: "done",
    step: 3,
  });
  expect(await readFile(join(out, "report.html"), "utf8")).toContain(
    "Masked patches, and the words predicted for them",
  );
});

test("a method that is none says so, and what is expected", async () => {
  const module = join(folder, "no-method.mjs");
  await writeFile(module, 'export default { name: "half", fields: {} };\n');
  for (const [method, ...texts] of [
    [
      "mea",
      'there is no method "mea". Did you mean "mae"?',
      "Known methods: splitmask, beit, mae, dino, mocov3, lejepa, supervised, distillation",
    ],
    [join(folder, "gone.mjs"), "gone.mjs", "a .js, .mjs or .ts file whose default export is a method"],
    [module, "no-method.mjs: is not a method: it lacks title (a text), paper (a text), recipe (an object)"],
  ] as const) {
    const outcome = await callMain(["pretrain", pictures, "--out", join(folder, "none"), "--method", method]);
    expect([outcome.code, outcome.error]).toEqual([2, expect.stringMatching(/^error: /)]);
    for (const text of texts) expect(outcome.error).toContain(text);
  }
});

test("schema has its own settings", async () => {
  const outcome = await callMain(["schema", "--method", "mae"]);
  const { properties, title } = JSON.parse(outcome.output) as { properties: object; title: string };
  expect([outcome.code, title]).toEqual([0, "Configuration of splitmask pretrain with MAE"]);
  expect(properties).toHaveProperty("visible");
  expect(properties).not.toHaveProperty("vocabulary");
});
