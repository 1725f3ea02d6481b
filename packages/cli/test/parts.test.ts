import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callMain, lastLine, tinyModel } from "./command.js";
import { writePictures } from "./pictures.js";

let folder: string;
let run: string;
/** `train` and `test` of class folders. */
let divided: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-parts-"));
  run = join(folder, "run");
  divided = join(folder, "divided");
  await writePictures(join(divided, "train"), 12);
  await writePictures(join(divided, "test"), 4, 12);
  const small = [...tinyModel, "--depth", "1", "--vocabulary", "32", "--batch", "8", "--steps", "12"];
  const outcome = await callMain([
    ...["pretrain", divided, "--out", run, "--monitor", divided, "--monitor-test", divided, ...small],
  ]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
  expect(outcome.output).toContain(
    `${divided}: split train, 24 pictures (1 of 2 folders); also there: test\n`,
  );
  expect(outcome.output).toContain(
    `${divided}: split test, 8 pictures (1 of 2 folders); also there: train\n`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const evaluate = (...args: string[]) => callMain([args[0]!, run, ...args.slice(1), "--threads", "1"]);

/**
 * IDX files of 12 gray pictures of 9×9, bright on one side, with a `classes.txt` that names the sides in this order.
 */
async function writeSides(name: string, classes: readonly string[], dark: number): Promise<string> {
  const header = (...shape: number[]) => [0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, 0, n])];
  const sides = Array.from({ length: 12 }, (_, number) => (number % 2 === 0 ? "left" : "right"));
  const pixels = sides.flatMap((side) =>
    Array.from({ length: 81 }, (_, place) => (place % 9 < 4 === (side === "left") ? 220 : dark)),
  );
  const labels = sides.map((side) => classes.indexOf(side));
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, "classes.txt"), classes.join("\n"));
  await writeFile(join(folder, name, "x-labels-idx1-ubyte"), Uint8Array.from([...header(12), ...labels]));
  const path = join(folder, name, "x-images-idx3-ubyte");
  await writeFile(path, Uint8Array.from([...header(12, 9, 9), ...pixels]));
  return path;
}

test("a divided folder gives its parts by itself, and --train-split, --test-split choose", async () => {
  const both = ["--train", divided, "--test", divided];
  const right = await evaluate("knn", ...both, "--json");
  expect(lastLine(right)).toMatchObject({ train: 24, test: 8, warnings: [] });
  expect(right.error).not.toContain("warning");
  const wrong = await evaluate("probe", ...both, "--test-split", "train", "--json");
  const path = join(divided, "train", "across", "000.png");
  const warning =
    `--test: 24 of 24 test pictures are training pictures too, e.g. ${path}: the accuracy on them says nothing of ` +
    "new pictures. Give others, or another split";
  expect(lastLine(wrong)).toMatchObject({ train: 24, test: 24, warnings: [warning] });
  expect(wrong.error.split(`warning: ${warning}\n`)).toHaveLength(3);
  const printed = await evaluate("knn", ...both, "--train-split", "all");
  expect(printed.output).toContain(
    "32 training and 8 test pictures; always the most frequent class: 50.0 %; NOT on new pictures: see the warning",
  );
  const none = await evaluate("knn", ...both, "--test-split", "dev");
  expect([none.code, none.error]).toEqual([
    1,
    expect.stringContaining(`${divided} has no split dev; there are test, train.`),
  ]);
});

test("embed and predict take every part, and say so", async () => {
  const out = join(folder, "all.npy");
  const embedded = await evaluate("embed", divided, "--out", out);
  expect(embedded.output).toContain(`${divided}: all splits, test, train, 32 pictures\n`);
  expect(embedded.output).toContain("32×32 float32");
  expect(await readFile(join(folder, "all.jsonl"), "utf8")).toContain('"label":"down"');
  const one = await evaluate("embed", divided, "--out", out, "--split", "test", "--json");
  expect(lastLine(one)).toMatchObject({ count: 8 });
  const predicted = await evaluate("predict", divided, "--split", "test", "--train", divided);
  expect(predicted.output.split("\r\n").slice(0, 2)).toEqual([
    "path,label,probability",
    expect.stringMatching(/^across\/012\.png,(across|down),/),
  ]);
});

test("pictures of equal bytes are found in other folders", async () => {
  const copied = join(folder, "copied");
  await cp(join(divided, "test"), copied, { recursive: true });
  await cp(join(divided, "train", "down", "003.png"), join(copied, "down", "another.png"));
  const outcome = await evaluate("knn", "--train", join(divided, "train"), "--test", copied, "--json");
  const double = `${join(copied, "down", "another.png")} has the bytes of ${join(divided, "train", "down", "003.png")}`;
  expect(lastLine(outcome)).toMatchObject({
    test: 9,
    warnings: [
      expect.stringContaining(`--test: 1 of 9 test pictures are training pictures too, e.g. ${double}:`),
    ],
  });
});

test("classes are matched by name: in evaluation, predictions, fine-tuning, its resume and its report", async () => {
  const train = await writeSides("train", ["right", "left"], 30);
  const tested = await writeSides("test", ["left", "right"], 35);
  const knn = await evaluate("knn", "--train", train, "--test", tested, "--k", "3", "--json");
  expect(lastLine(knn)).toMatchObject({ accuracy: 1, classes: ["right", "left"], warnings: [] });
  const predicted = await evaluate("predict", tested, "--train", train, "--classifier", "knn", "--k", "3");
  expect(predicted.output.match(/,(left|right),/g)).toEqual(
    Array.from({ length: 12 }, (_, number) => (number % 2 === 0 ? ",left," : ",right,")),
  );

  const tuned = join(folder, "tuned");
  const sources = [run, "--train", train, "--test", tested, "--out", tuned, "--threads", "1"];
  const recipe = ["--steps", "2", "--batch", "4", "--checkpoint-every", "1", "--keep-checkpoints", "2"];
  expect((await callMain(["finetune", ...sources, ...recipe])).code).toBe(0);
  const evaluation = await readFile(join(tuned, "evaluation.json"), "utf8");
  expect(JSON.parse(evaluation)).toMatchObject({ classes: ["right", "left"], warnings: [] });

  await rm(join(tuned, "checkpoints", "step-000002"), { recursive: true });
  const resumed = await callMain(["finetune", ...sources, "--resume"]);
  expect([resumed.code, resumed.error]).toEqual([0, ""]);
  expect(await readFile(join(tuned, "evaluation.json"), "utf8")).toBe(evaluation);
});

test("a fine-tuned run that was tested with its training pictures says so in its files and on its page", async () => {
  const tuned = join(folder, "leaked");
  const sources = [run, "--train", divided, "--test", divided, "--test-split", "train", "--out", tuned];
  const outcome = await callMain([
    ...["finetune", ...sources, "--steps", "1", "--batch", "4", "--threads", "1", "--json"],
  ]);
  const warnings = [expect.stringContaining("--test: 24 of 24 test pictures are training pictures too")];
  expect(lastLine(outcome)).toMatchObject({ evaluation: { test: 24, warnings } });
  expect(JSON.parse(await readFile(join(tuned, "evaluation.json"), "utf8"))).toMatchObject({ warnings });
  const page = join(folder, "leaked.html");
  expect((await callMain(["report", tuned, "--out", page])).code).toBe(0);
  expect(await readFile(page, "utf8")).toContain(
    '<p class="card warning"><b>Warning.</b> --test: 24 of 24 test pictures are training pictures too',
  );
});

test("a monitor whose test pictures vote too", async () => {
  const leaked = join(folder, "monitored");
  const outcome = await callMain([
    ...["pretrain", divided, "--out", leaked, "--monitor", join(divided, "test")],
    ...["--monitor-test", join(divided, "test"), ...tinyModel, "--depth", "1", "--vocabulary", "32"],
    ...["--batch", "8", "--steps", "1", "--json"],
  ]);
  const warnings = [
    expect.stringContaining("--monitor-test: 8 of 8 test pictures are training pictures too"),
  ];
  expect(lastLine(outcome)).toMatchObject({ warnings });
  expect(await readFile(join(leaked, "report.html"), "utf8")).toContain('<p class="card warning">');
});
