import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { type FinetuneEvaluation, finetune, loadClassifier, silentTerminal } from "@splitmask/pipelines";
import { averagesOf, readCheckpoint, readEvaluations } from "@splitmask/trainer";
import { callMain, lastLine, splitmask, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let run: string;
let pictures: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-finetune-"));
  run = join(folder, "run");
  await writePictures(join(folder, "train"), 12);
  await writePictures(join(folder, "test"), 4, 12);
  pictures = ["--train", join(folder, "train"), "--test", join(folder, "test"), "--threads", "1"];
  const small = [...tinyModel, "--depth", "2", "--vocabulary", "64", "--batch", "8", "--steps", "4"];
  const outcome = await callMain(["pretrain", join(folder, "train"), "--out", run, ...small, "--quiet"]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tune = (out: string, ...options: string[]) =>
  callMain(["finetune", run, ...pictures, "--out", join(folder, out), ...options]);

test("without test pictures, some of each class are held out, after a resume and in the report too", async () => {
  const out = join(folder, "held");
  const source = [run, "--train", join(folder, "train"), "--threads", "1", "--out", out];
  const first = await callMain([
    "finetune",
    ...source,
    "--held-out",
    "0.25",
    "--batch",
    "6",
    "--epochs",
    "1",
  ]);
  expect([first.code, first.error]).toEqual([0, ""]);
  expect(first.output).toContain("18 pictures of 2 classes");
  expect(first.output).toContain("6 test pictures held out of them");
  expect(first.output).toContain(`next: splitmask predict ${out} <pictures>`);
  const evaluation = await readFile(join(out, "evaluation.json"), "utf8");
  const again = await callMain(["finetune", ...source, "--resume"]);
  expect([again.code, again.error]).toEqual([0, ""]);
  expect(await readFile(join(out, "evaluation.json"), "utf8")).toBe(evaluation);
  const report = await callMain(["report", out, "--threads", "1"]);
  expect([report.code, report.error]).toEqual([0, ""]);
});
const weightsOf = async (out: string) =>
  (await readSafetensors(join(folder, out, "model.safetensors"))).tensors;

test("fine-tunes, explains itself, evaluates, and leaves a whole run folder", async () => {
  const outcome = await tune("whole", "--batch", "8", "--epochs", "2", "--evaluate-every", "1");
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  for (const text of [
    "24 pictures of 2 classes",
    "8 test pictures",
    `the weights of ${run} after 4 steps`,
    "24 pictures: what the paper does for its small sets",
    "recipe paper-small: 0.004 for 1,024 pictures a step, times √(8 / 1,024)",
    "2 epochs of 3 steps, as given",
    "the recipe's 0.4 is for training without RandAugment",
    "step 1/6",
    "accuracy: ",
  ])
    expect(outcome.output).toContain(text);
  const files = (await readdir(join(folder, "whole"))).filter((name) => !name.startsWith("events"));
  expect(files.sort()).toEqual([
    "checkpoints",
    "config.json",
    "evaluation.json",
    "metrics.jsonl",
    "model.safetensors",
  ]);
  const evaluation = JSON.parse(
    await readFile(join(folder, "whole", "evaluation.json"), "utf8"),
  ) as FinetuneEvaluation;
  const [[a, b], [c, d]] = evaluation.confusion as [[number, number], [number, number]];
  expect([a + b, c + d]).toEqual([4, 4]);
  expect(evaluation).toMatchObject({
    accuracy: (a + d) / 8,
    top5: null,
    test: 8,
    classes: ["across", "down"],
    perClass: { across: a / 4, down: d / 4 },
  });
  const between = await readEvaluations(join(folder, "whole", "metrics.jsonl"));
  expect(between.map(({ step }) => step)).toEqual([3, 6]);
  expect(between[1]!.evaluation.accuracy).toBe(evaluation.accuracy);
});

test("--dry-run explains and estimates, and writes nothing", async () => {
  const args = ["finetune", run, ...pictures, "--batch", "8", "--epochs", "2", "--dry-run"];
  const outcome = await callMain(args);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  for (const text of [
    "24 pictures of 2 classes",
    `the weights of ${run} after 4 steps`,
    "2 epochs of 3 steps, as given",
  ])
    expect(outcome.output).toContain(text);
  expect(outcome.output).toMatch(
    /estimate\n {2}time +about .* s, until .*6 steps of \d+ ms, .*\n {2}memory +about \d+ MiB .*\n {2}disk +about \d/,
  );
  expect(outcome.output).not.toContain("step 1/6");
  const json = await callMain([...args, "--json", "--from-scratch"]);
  expect(lastLine(json)).toMatchObject({
    config: { batch: 8, steps: 6 },
    choices: expect.arrayContaining([expect.objectContaining({ name: "encoder" })]),
    estimate: { steps: 6 },
  });
  const refused = await callMain([...args, "--resume"]);
  expect([refused.code, refused.error]).toEqual([
    2,
    expect.stringContaining("--dry-run and --resume contradict each other"),
  ]);
  const nowhere = await callMain(args.filter((arg) => arg !== "--dry-run"));
  expect([nowhere.code, nowhere.error]).toEqual([
    2,
    expect.stringContaining("--out: expected the run folder to write"),
  ]);
});

test("the model has timm's names, and loadClassifier brings it back with what it was made for", async () => {
  const { tensors, metadata } = await readSafetensors(join(folder, "whole", "model.safetensors"));
  const names = [...tensors.keys()];
  for (const name of ["pos_embed", "patch_embed.proj.weight", "blocks.1.mlp.fc2.bias", "fc_norm.weight"])
    expect(names).toContain(name);
  expect(names.filter((name) => name.startsWith("encoder.") || name.startsWith("norm."))).toEqual([]);
  expect(tensors.get("head.weight")!.shape).toEqual([2, 32]);
  expect(JSON.parse(metadata!.classes!)).toEqual(["across", "down"]);
  const device = createDevice({ threads: 1 });
  try {
    const loaded = await loadClassifier(device, join(folder, "whole"));
    expect(loaded).toMatchObject({ classes: ["across", "down"], view: { size: 32 }, cropRatio: 0.875 });
    const head = await loaded.classifier.head.weight.data();
    expect(head).toEqual(tensors.get("head.weight")!.data);
    await expect(loadClassifier(device, run)).rejects.toThrow(
      `${run}: there is no model.safetensors: it is written when`,
    );
    await expect(loadClassifier(device, folder)).rejects.toThrow(
      `${folder}: is not a fine-tuning run (there is no model.safetensors).`,
    );
    await expect(loadClassifier(device, join(run, "encoder.safetensors"))).rejects.toThrow(
      "its metadata has no config, classes and normalization",
    );
  } finally {
    device.close();
  }
});

test("the encoder begins with the pre-trained weights, or with the seed's own from scratch", async () => {
  // At a learning rate of 0 what was begun with is what is written.
  const still = ["--batch", "8", "--steps", "1", "--learning-rate", "1e-30", "--weight-decay", "0"];
  const pretrained = await readSafetensors(join(run, "encoder.safetensors"));
  expect((await tune("begun", ...still)).code).toBe(0);
  const begun = await weightsOf("begun");
  for (const name of ["pos_embed", "blocks.0.attn.qkv.weight"])
    expect(begun.get(name)).toEqual(pretrained.tensors.get(name));
  const scratch = await tune("scratch", ...still, "--from-scratch", "--seed", "3");
  expect(scratch.output).toContain("random first weights, drawn with seed 3: --from-scratch");
  expect(scratch.output).toContain("the same as for a pre-trained encoder, so that the two compare");
  expect((await weightsOf("scratch")).get("pos_embed")).not.toEqual(begun.get("pos_embed"));
  expect((await tune("other", ...still, "--from-scratch", "--seed", "4", "--quiet")).code).toBe(0);
  expect((await weightsOf("other")).get("pos_embed")).not.toEqual(
    (await weightsOf("scratch")).get("pos_embed"),
  );
});

test("stops cleanly on Ctrl-C and goes on with --resume, to the same weights as a run in one go", async () => {
  const settings = ["--batch", "8", "--steps", "40", "--repeats", "2", "--ema", "0.9", "--json"];
  const stopped = await splitmask(
    ["finetune", run, ...pictures, "--out", join(folder, "stopped"), ...settings],
    ["step  1/40", { signal: "SIGINT" }],
  );
  expect(stopped.code).toBe(130);
  expect(lastLine(stopped)).toMatchObject({ reason: "interrupted", steps: 40, evaluation: null });
  expect(existsSync(join(folder, "stopped", "model.safetensors"))).toBe(false);

  const other = await tune("stopped", "--resume", "--batch", "4");
  expect(other.code).toBe(2);
  expect(other.error).toContain(
    "--resume: the run was started with other settings: batch was 8 and is now 4",
  );
  const scratch = await tune("stopped", "--resume", "--from-scratch");
  expect(scratch.error).toContain("--resume: the run was started without --from-scratch");
  const elsewhere = await callMain([
    ...["finetune", run, "--train", join(folder, "train"), "--test", join(folder, "train")],
    ...["--out", join(folder, "stopped"), "--resume"],
  ]);
  expect(elsewhere.error).toContain(
    `the test pictures in ${join(folder, "train")} are not those that the run was started with, from ` +
      `${join(folder, "test")}: there were 8 pictures and now are 24; missing:`,
  );

  const resumed = await tune("stopped", "--resume", "--json");
  expect(resumed.error).toContain("going on after step");
  expect(lastLine(resumed)).toMatchObject({ reason: "done", step: 40, evaluation: { test: 8 } });
  expect((await tune("straight", ...settings)).code).toBe(0);
  expect(await weightsOf("stopped")).toEqual(await weightsOf("straight"));
  // What is written is the moving average.
  const { optimizer } = await readCheckpoint(join(folder, "straight", "checkpoints", "step-000040"));
  expect((await weightsOf("straight")).get("head.weight")).toEqual(averagesOf(optimizer).get("head.weight"));
});

test("a configuration file, micro-batches and pictures of another size", async () => {
  const file = join(folder, "tune.json");
  await writeFile(file, JSON.stringify({ recipe: "deit", batch: 8, imageSize: 48, steps: 2 }));
  const outcome = await tune("file", "--config", file, "--accumulate", "2", "--json");
  expect([outcome.code, outcome.error.includes("micro-batches")]).toEqual([0, true]);
  expect((await weightsOf("file")).get("pos_embed")!.shape).toEqual([1, 36, 32]);
  await writeFile(file, JSON.stringify({ recipes: "deit" }));
  const wrong = await tune("wrong", "--config", file);
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain('tune.json: unknown field "recipes" (given "deit"). Did you mean "recipe"?');
});

test("finetune() gives the accuracy to programs", async () => {
  const result = await finetune(
    {
      run: join(run, "checkpoints", "step-000004"),
      train: join(folder, "train"),
      test: join(folder, "test"),
      out: join(folder, "program"),
      config: { batch: 8, steps: 1, mixup: 0, cutmix: 0, threads: 1 },
    },
    silentTerminal,
  );
  expect(result).toMatchObject({ reason: "done", evaluation: { test: 8, top5: null } });
  expect([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]).toContain(result.evaluation!.accuracy);
});

test.each([
  [["--recipe", "mae"], '--recipe: got "mae", expected one of "paper-large", "paper-small", "deit", "beit".'],
  [
    ["--batch", "7"],
    "batch: 7, but mixup and CutMix mix picture i with picture 7 − 1 − i: use an even batch",
  ],
  [["--batch", "64"], "batch: 64, but there are only 24 pictures: use 24 or fewer."],
  [["--image-size", "30"], "imageSize: 30 is not a multiple of the encoder's patch of 8."],
  [["--steps", "2", "--epochs", "1"], "steps and epochs: give only one of steps, epochs and time."],
])("usage errors: %j", async (options, text) => {
  const outcome = await tune("never", ...options);
  expect(outcome.code).toBe(2);
  expect(outcome.error).toContain(text);
  expect(existsSync(join(folder, "never"))).toBe(false);
});

test("pictures without classes, and runs that are none, are errors that leave nothing behind", async () => {
  const flat = await callMain([
    ...["finetune", run, "--train", join(folder, "train", "down"), "--test", join(folder, "test")],
    ...["--out", join(folder, "never")],
  ]);
  expect(flat.code).toBe(1);
  expect(flat.error).toContain("has no class folders; expected one folder of pictures a class, at least two");
  const none = await callMain([
    ...["finetune", join(folder, "train"), ...pictures, "--out", join(folder, "never")],
  ]);
  expect(none.code).toBe(1);
  expect(none.error).toContain("is not a run");
  expect(existsSync(join(folder, "never"))).toBe(false);
});

test("export writes the encoder and the classifier as transformers.js takes them, and compares them", async () => {
  const json = async (...names: string[]) =>
    JSON.parse(await readFile(join(folder, ...names), "utf8")) as object;
  const encoder = await callMain(["export", run, "--to", "onnx", "--out", join(folder, "encoder-onnx")]);
  expect([encoder.code, encoder.error]).toEqual([0, ""]);
  expect(encoder.output).toMatch(/checked in onnxruntime: largest difference [\d.e-]+/);
  expect(await json("encoder-onnx", "config.json")).toMatchObject({
    ...{ model_type: "vit", architectures: ["ViTModel"], hidden_size: 32, num_hidden_layers: 2 },
    ...{ image_size: 32, patch_size: 8, "transformers.js_config": { dtype: "fp32" } },
  });
  expect(await json("encoder-onnx", "preprocessor_config.json")).toMatchObject({
    ...{ crop_size: { height: 32, width: 32 }, size: { shortest_edge: 37 }, rescale_factor: 1 / 255 },
  });
  const tuned = ["export", join(folder, "whole"), "--to", "onnx", "--weights", "int8"];
  const classifier = await callMain([...tuned, "--out", join(folder, "tuned-onnx")]);
  expect([classifier.code, classifier.error]).toEqual([0, ""]);
  expect((await readdir(join(folder, "tuned-onnx", "onnx"))).sort()).toEqual(["model_quantized.onnx"]);
  expect(await json("tuned-onnx", "config.json")).toMatchObject({
    ...{ architectures: ["ViTForImageClassification"], id2label: { 0: "across", 1: "down" } },
  });
  const card = await readFile(join(folder, "tuned-onnx", "README.md"), "utf8");
  for (const text of [
    "pipeline_tag: image-classification",
    "accuracy on the test pictures",
    "transformers.js",
  ])
    expect(card).toContain(text);
  // A run folder keeps its config.json.
  const other = await callMain([...tuned, "--out", run]);
  expect(other.code).toBe(2);
  expect(other.error).toContain("is a run folder, whose config.json would be lost");
});

test("export writes encoders for timm and transformers, and no classifiers", async () => {
  const out = join(folder, "timm");
  const timm = await callMain(["export", run, "--to", "timm", "--out", out]);
  expect([timm.code, timm.error]).toEqual([0, ""]);
  expect((await readdir(out)).sort()).toEqual(["README.md", "config.json", "model.safetensors"]);
  expect(await readFile(join(out, "README.md"), "utf8")).toContain("library_name: timm");
  const again = [
    "--train",
    join(folder, "train"),
    "--test",
    join(folder, "test"),
    "--threads",
    "1",
    "--json",
  ];
  const [ours, theirs] = [await callMain(["knn", run, ...again]), await callMain(["knn", out, ...again])];
  expect(lastLine(theirs).accuracy).toBe(lastLine(ours).accuracy);
  const classifier = await callMain(["export", join(folder, "whole"), "--to", "transformers", "--out", out]);
  expect(classifier.code).toBe(2);
  expect(classifier.error).toContain("transformers takes encoders, and the run has a classifier");
});
