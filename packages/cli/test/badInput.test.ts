import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callMain, lastLine, splitmask, tinyModel } from "./command.js";
import { picture, writePictures } from "./pictures.js";

let folder: string;
let good: string;
let out: string;

const small = [...tinyModel, "--depth", "1", "--vocabulary", "32", "--steps", "2"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-bad-"));
  good = join(folder, "good");
  out = join(folder, "out");
  await writePictures(good, 8);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => rm(out, { recursive: true, force: true }));

async function refused(args: readonly string[], code: number, ...texts: (string | RegExp)[]): Promise<void> {
  const outcome = await callMain(args);
  for (const text of texts)
    expect(outcome.error).toMatch(
      text instanceof RegExp ? text : new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")),
    );
  expect(outcome.error).not.toMatch(/\n\s+at /);
  expect(outcome.code).toBe(code);
  expect(existsSync(out)).toBe(false);
}

test("a folder that is not there", () =>
  refused(["pretrain", join(folder, "none"), "--out", out], 1, "there is no folder"));

test("an empty folder", async () => {
  await mkdir(join(folder, "empty"));
  await refused(["pretrain", join(folder, "empty"), "--out", out], 1, "no pictures in");
});

test("a folder with text files only", async () => {
  await mkdir(join(folder, "texts"));
  await writeFile(join(folder, "texts", "notes.txt"), "no picture");
  await refused(["pretrain", join(folder, "texts"), "--out", out], 1, "no pictures in", "notes.txt");
});

test("only pictures that cannot be read", async () => {
  await mkdir(join(folder, "broken"));
  await writeFile(join(folder, "broken", "a.png"), "this is no PNG file");
  await refused(
    ["pretrain", join(folder, "broken"), "--out", out],
    1,
    "none of the 1 pictures can be read",
    "a.png",
  );
});

test("truncated and corrupt pictures and one of 1×1 among good ones: skipped, counted and named", async () => {
  const mixed = join(folder, "mixed");
  await cp(good, mixed, { recursive: true });
  const whole = await picture(0, 99);
  await writeFile(join(mixed, "across", "truncated.png"), whole.subarray(0, whole.length / 2));
  await writeFile(join(mixed, "across", "corrupt.jpg"), "corrupt");
  await writeFile(join(mixed, "down", "dot.png"), await picture(0, 1, 1));
  const outcome = await callMain([
    "pretrain",
    mixed,
    "--out",
    out,
    ...small,
    "--batch",
    "8",
    "--steps",
    "4",
    "--json",
  ]);
  expect(outcome.code).toBe(0);
  expect(lastLine(outcome)).toMatchObject({ skipped: 2, step: 4 });
  expect(outcome.error).toMatch(/2 pictures were skipped:\n.*corrupt\.jpg: .+\n.*truncated\.png: .+/);

  const listed = (await readFile(join(out, "skipped.jsonl"), "utf8")).trim().split("\n");
  expect(listed.map((line) => JSON.parse(line) as unknown).sort()).toEqual(
    expect.arrayContaining([
      { path: join(mixed, "across", "corrupt.jpg"), reason: "not a picture: looks like text" },
      {
        path: join(mixed, "across", "truncated.png"),
        reason: "truncated: the PNG data ends too early",
      },
    ]),
  );
  expect(listed).toHaveLength(2);
  expect(await readFile(join(out, "report.html"), "utf8")).toContain(
    "truncated: the PNG data ends too early",
  );

  const features = join(folder, "mixed.npy");
  const embedded = await callMain(["embed", out, mixed, "--out", features, "--json"]);
  expect(lastLine(embedded)).toMatchObject({ count: 17, skipped: 2 });
  expect(embedded.error).toContain("truncated.png");
  expect((await readFile(join(folder, "mixed.jsonl"), "utf8")).trim().split("\n")).toHaveLength(17);
});

test("more bad pictures than maximumSkipped: an error before training, and not with a higher limit", async () => {
  const half = join(folder, "half");
  await cp(good, half, { recursive: true });
  for (let number = 0; number < 16; number++) await writeFile(join(half, "down", `bad ${number}\n.png`), "");
  await refused(
    ["pretrain", half, "--out", out, ...small, "--batch", "8"],
    1,
    "16 of 32 pictures tried cannot be read (50 %; maximumSkipped allows 10 %). Most common: 16 × zero bytes. First:",
    "bad 0\\n.png",
    "raise maximumSkipped (--maximum-skipped 0.5; 1: any number).",
  );
  const allowed = await callMain([
    "pretrain",
    half,
    "--out",
    out,
    ...small,
    "--batch",
    "8",
    "--maximum-skipped",
    "0.5",
    "--json",
  ]);
  expect(allowed.code).toBe(0);
  expect(allowed.error).toMatch(/bad \d+\\n\.png: zero bytes/);
  for (const command of [
    ["embed", out, half, "--out", join(folder, "half.npy")],
    ["knn", out, "--train", half, "--test", good],
  ]) {
    const refusedCommand = await callMain(command);
    expect(refusedCommand.code).toBe(1);
    expect(refusedCommand.error).toContain("maximumSkipped allows 10 %");
    expect((await callMain([...command, "--maximum-skipped", "1"])).code).toBe(0);
  }
  await rm(out, { recursive: true });
  await refused(
    ["pretrain", half, "--out", out, "--maximum-skipped", "10"],
    2,
    "command line: --maximum-skipped: got 10, expected a number of at most 1.",
  );
});

test("pictures that disappear in mid-run: an error with the last checkpoint in place, then a resume", async () => {
  const moving = join(folder, "moving");
  await mkdir(moving);
  for (let number = 0; number < 320; number++)
    await copyFile(join(good, "down", `00${number % 8}.png`), join(moving, `${number}.png`));
  const settings = [...small, "--batch", "8", "--checkpoint-every", "5", "--steps", "40"];
  const gone = await splitmask(
    ["pretrain", moving, "--out", out, ...settings],
    ["step  1/40", { rename: [moving, join(folder, "moved")] }],
  );
  expect(gone.code).toBe(1);
  expect(gone.error).toMatch(
    new RegExp(
      /error: The folder of the pictures is not there any more, so none of them can be read: /.source +
        /.*moving\. Put it back, or mount its disk\. The last checkpoint is of step \d+: /.source +
        /continue with --resume\./.source,
    ),
  );
  await rename(join(folder, "moved"), moving);
  const resumed = await callMain(["pretrain", moving, "--out", out, "--resume", "--json"]);
  expect(resumed.code).toBe(0);
  expect(lastLine(resumed)).toMatchObject({ step: 40, reason: "done" });
  // No picture took the place of a missing one: it is the run that it would have been.
  const whole = join(folder, "whole");
  expect((await callMain(["pretrain", moving, "--out", whole, ...settings])).code).toBe(0);
  const [encoder, expected] = [out, whole].map((run) => join(run, "encoder.safetensors"));
  expect(await readFile(encoder!)).toEqual(await readFile(expected!));
});

test("pictures that are gone when training is done: the run is whole, without its report or its test", async () => {
  const [leaving, left] = [join(folder, "leaving"), join(folder, "left")];
  await cp(good, leaving, { recursive: true });
  const leave = { rename: [leaving, left] } as const;
  const settings = [...small, "--batch", "8", "--steps", "6"];
  const trained = await splitmask(
    ["pretrain", leaving, "--out", out, ...settings, "--json"],
    ["step 6/6", leave],
  );
  expect(trained.code).toBe(0);
  expect(trained.error).toMatch(
    new RegExp(
      /warning: the run is complete, but its report could not be written: /.source +
        /.*there is no folder .*leaving.* Make it with: splitmask report .* --pictures <folder>\n/.source,
    ),
  );
  expect(lastLine(trained)).toMatchObject({ reason: "done", step: 6, report: null });
  expect((await callMain(["report", out, "--pictures", left])).code).toBe(0);

  await rename(left, leaving);
  const tuned = join(folder, "left untested");
  const finetune = ["finetune", out, "--train", good, "--test", leaving, "--out", tuned];
  const few = ["--batch", "8", "--steps", "6", "--threads", "1", "--evaluate-every", "1", "--json"];
  const untested = await splitmask([...finetune, ...few], ["step 2: accuracy", leave]);
  expect(untested.code).toBe(0);
  for (const step of [4, 6])
    expect(untested.error).toContain(`warning: the model could not be tested after step ${step}: `);
  expect(untested.error).toContain(
    "When its test pictures are there again, test it with: splitmask finetune ",
  );
  expect(lastLine(untested)).toMatchObject({ reason: "done", step: 6, evaluation: null });
  expect(existsSync(join(tuned, "model.safetensors"))).toBe(true);
  await rename(left, leaving);
  const tested = await callMain([...finetune, "--resume", "--json"]);
  expect([tested.code, lastLine(tested)]).toMatchObject([0, { step: 6, evaluation: { test: 16 } }]);
  await rm(out, { recursive: true });
});

test("some of the pictures: a share, a number, so many a class, a list", async () => {
  const list = join(folder, "list.txt");
  await writeFile(list, "0\n3\n8\n9\n");
  for (const [option, value, count] of [
    ["--subset", "25%", 4],
    ["--subset", "6", 6],
    ["--per-class", "2", 4],
    ["--subset", list, 4],
  ] as const) {
    const outcome = await callMain(["pretrain", good, ...small, "--batch", "4", option, value, "--dry-run"]);
    expect(outcome.code).toBe(0);
    expect(outcome.output + outcome.error).toContain(`${count} pictures in`);
  }
  await refused(
    ["pretrain", good, "--out", out, "--per-class", "9"],
    2,
    "perClass 9: randomSubset: perClass is 9, but fewer pictures are there of across (8), down (8).",
  );
  await refused(
    ["pretrain", good, "--out", out, "--subset", "half"],
    2,
    'subset "half": readIndices: half cannot be read',
  );
  await refused(
    ["pretrain", good, "--out", out, "--subset", "4", "--per-class", "2"],
    2,
    "give only one of them",
  );
  expect(
    (await callMain(["pretrain", good, "--out", out, ...small, "--batch", "4", "--subset", "50%", "--quiet"]))
      .code,
  ).toBe(0);
  const resumed = await callMain(["pretrain", good, "--out", out, "--resume", "--json"]);
  expect(resumed.code).toBe(0); // the subset is the run's
  const probe = await callMain(["knn", out, "--train", good, "--test", good, "--per-class", "3", "--json"]);
  expect(lastLine(probe)).toMatchObject({ train: 6, test: 16 });
});

test("one picture fewer than the batch", () =>
  refused(
    ["pretrain", good, "--out", out, ...small, "--batch", "17"],
    2,
    "batch: 17, but there are only 16 pictures: use 16 or fewer.",
  ));

test("an output folder that cannot be written", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await refused(["pretrain", good, "--out", join(file, "run"), ...small], 1, "cannot write to", "ENOTDIR");
  expect(await readFile(file, "utf8")).toBe("");
  const other = join(folder, "occupied");
  await mkdir(other);
  await writeFile(join(other, "letter.txt"), "mine");
  await refused(
    ["pretrain", good, "--out", other, ...small, "--overwrite"],
    1,
    "is not empty (it holds letter.txt)",
  );
  expect(await readdir(other)).toEqual(["letter.txt"]);
});

test("usage errors", async () => {
  await refused(
    ["pretrain", good, "--out", out, "--imge-size", "64"],
    2,
    "unknown option '--imge-size'",
    "Did you mean --image-size?",
  );
  await refused(["pretrain", "--out", out], 2, "missing required argument 'folder'");
  await refused(["fly"], 2, "unknown command 'fly'");
  await refused(
    ["pretrain", good, "--out", out, "--batch", "many"],
    2,
    'command line: --batch: got "many", expected a number.',
  );
  await refused(["pretrain", good, "--out", out, "--image-size", "60", "--patch", "8"], 2, "use 56 or 64");
  await refused(
    ["knn", out, "--train", good, "--test", good, "--k", "0"],
    2,
    '--k: got "0", expected a positive whole number.',
  );
  const json = await callMain(["pretrain", good, "--out", out, "--batch", "many", "--json"]);
  expect(json.code).toBe(2);
  expect(lastLine(json)).toEqual({ error: 'command line: --batch: got "many", expected a number.' });
});

test("a configuration with a wrong type, an unknown field, and TypeScript", async () => {
  const config = join(folder, "wrong.json");
  await writeFile(config, '{"imageSize": "64"}');
  await refused(
    ["pretrain", good, "--out", out, "--config", config],
    2,
    'wrong.json: imageSize: got "64", expected a number.',
  );
  await writeFile(config, '{"imagesize": 64}');
  await refused(
    ["pretrain", good, "--out", out, "--config", config],
    2,
    'unknown field "imagesize" (given 64). Did you mean "imageSize"?',
  );
  const typed = join(folder, "typed.ts");
  await writeFile(typed, "const batch: number = 99;\nexport default { batch };");
  const outcome = await splitmask(["pretrain", good, "--out", out, "--config", typed]);
  expect(outcome.code).toBe(2);
  // Where Node.js imports TypeScript the module is read, and its batch is too large.
  const importsTypescript = (process.features as { typescript?: unknown }).typescript;
  expect(outcome.error).toContain(
    importsTypescript
      ? "batch: 99"
      : "cannot import TypeScript. Use Node.js 22.18 or later, or rename the file to typed.mjs",
  );
});

test("a checkpoint of another model, and what is no run", async () => {
  expect((await callMain(["pretrain", good, "--out", out, ...small, "--batch", "8", "--quiet"])).code).toBe(
    0,
  );
  const other = join(folder, "other");
  await cp(out, other, { recursive: true });
  const description = JSON.parse(await readFile(join(other, "config.json"), "utf8")) as {
    config: { width: number };
    encoder: { width: number };
  };
  description.config.width = 64;
  description.encoder.width = 64;
  await writeFile(join(other, "config.json"), JSON.stringify(description));
  const outcome = await callMain(["knn", other, "--train", good, "--test", good]);
  expect(outcome.code).toBe(1);
  expect(outcome.error).toMatch(/the weights are not those of the model that it should be[\s\S]*32[\s\S]*64/);
  const resumed = await callMain(["pretrain", good, "--out", other, "--resume"]);
  expect(resumed.code).toBe(1);
  expect(resumed.error).toMatch(/is of another model/);
  await writeFile(join(other, "config.json"), JSON.stringify({ ...description, kind: "classification" }));
  const finetuned = await callMain(["knn", other, "--train", good, "--test", good]);
  expect(finetuned.error).toContain(
    `${other} is a run of splitmask finetune; expected one of splitmask pretrain. Give the folder that`,
  );
  await rm(out, { recursive: true });
  await refused(["knn", good, "--train", good, "--test", good], 1, "is not a run");
});

test("labels that do not fit", async () => {
  const flat = join(folder, "flat");
  await mkdir(flat);
  await writeFile(join(flat, "a.png"), await picture(0, 0));
  await refused(["probe", good, "--train", flat, "--test", good], 1, "has no class folders");
  const strange = join(folder, "strange");
  await cp(good, strange, { recursive: true });
  await cp(join(good, "down"), join(strange, "sideways"), { recursive: true });
  await refused(["knn", good, "--train", good, "--test", strange], 1, "sideways", "across, down");
});
