import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evaluation } from "@splitmask/pipelines";
import { layerChart } from "@splitmask/report";
import { predictionsCsv, predictionsJsonLines } from "../src/commands/predictions.js";
import { lastLine, callMain as splitmask, tinyModel } from "./command.js";
import { picture, writePictures } from "./pictures.js";

let folder: string;
let run: string;
let folders: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-evaluation-"));
  run = join(folder, "run");
  await writePictures(join(folder, "train"), 12);
  await writePictures(join(folder, "test"), 4, 12);
  folders = ["--train", join(folder, "train"), "--test", join(folder, "test"), "--threads", "1"];
  const small = [...tinyModel, "--depth", "2", "--vocabulary", "64", "--batch", "8", "--steps", "4"];
  const outcome = await splitmask(["pretrain", join(folder, "train"), "--out", run, ...small, "--quiet"]);
  expect([outcome.code, outcome.error]).toEqual([0, ""]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The one line of a command with `--json`. */
async function evaluation(...args: string[]): Promise<Evaluation> {
  const outcome = await splitmask([args[0]!, run, ...folders, ...args.slice(1), "--json"]);
  expect([outcome.code, outcome.error.includes("error")]).toEqual([0, false]);
  return lastLine(outcome) as unknown as Evaluation;
}

describe("probe and knn", () => {
  test("accuracy with its interval, confusion matrix and what was confused", async () => {
    const result = await evaluation("knn", "--k", "5");
    const [[a, b], [c, d]] = result.confusion as [[number, number], [number, number]];
    expect([a + b, c + d]).toEqual([4, 4]);
    expect(result.accuracy).toBe((a + d) / 8);
    expect(result.interval.low).toBeLessThan(result.accuracy);
    expect(result.interval.high).toBeLessThanOrEqual(1);
    expect(result.top5Accuracy).toBeNull();
    const wrong = [...(b > 0 ? ["across"] : []), ...(c > 0 ? ["down"] : [])];
    expect(result.mostConfused.map(({ label }) => label).sort()).toEqual(wrong);
    expect(result).not.toHaveProperty("seeds");
  });

  test("without test pictures, some of each class are held out, the same with every seed", async () => {
    const held = async (...args: string[]) => {
      const source = [run, "--train", join(folder, "train"), "--threads", "1", ...args];
      const outcome = await splitmask(["knn", ...source, "--json"]);
      expect(outcome.code).toBe(0);
      return lastLine(outcome) as unknown as Evaluation;
    };
    // A fifth of twelve of each of two classes.
    expect(await held()).toMatchObject({ train: 20, test: 4, classes: ["across", "down"] });
    const third = await held("--held-out", "0.33");
    expect(third).toMatchObject({ train: 16, test: 8 });
    expect(third.confusion.map((row) => row.reduce((sum, count) => sum + count))).toEqual([4, 4]);
    expect(await held("--held-out", "0.33", "--seed", "7")).toEqual(third);
    // Few labels are drawn from those that are left.
    expect(await held("--per-class", "2")).toMatchObject({ train: 4, test: 4 });
    const both = await splitmask(["knn", run, ...folders, "--held-out", "0.5"]);
    expect(both.code).toBe(2);
    expect(both.error).toContain("--held-out: got 0.5, but the test pictures are given");
  });

  test("few labels, drawn with several seeds", async () => {
    const result = await evaluation("probe", "--per-class", "2", "--seeds", "0,1,5");
    expect(result).toMatchObject({ train: 4, test: 8, optimizer: "lbfgs" });
    expect(result.seeds!.map(({ seed }) => seed)).toEqual([0, 1, 5]);
    const accuracies = result.seeds!.map(({ accuracy }) => accuracy);
    expect(result.accuracy).toBeCloseTo(accuracies.reduce((sum, value) => sum + value) / 3, 12);
    expect(result.confusion.flat().reduce((sum, count) => sum + count)).toBe(24);
    // The seed 5 of three is that of one: embedding once for all draws changes nothing.
    const alone = await evaluation("probe", "--per-class", "2", "--seed", "5");
    expect(alone.accuracy).toBe(accuracies[2]);
    expect(alone.penalty).toBe(result.seeds![2]!.penalty);
    const printed = await splitmask(["knn", run, ...folders, "--labels", "25%", "--repeats", "2"]);
    expect(printed.output).toMatch(/seed {2}accuracy\n {3}0 +[\d.]+ %\n {3}1 +[\d.]+ %\n/);
    expect(printed.output).toMatch(
      new RegExp(
        /k-NN accuracy of the encoder after 4 steps: [\d.]+ % ± [\d.]+ /.source +
          /\(mean ± standard deviation over 2 seeds\); 95 % confidence -?[\d.]+ – [\d.]+ %/.source,
      ),
    );
    expect(printed.output).toContain("6 training and 8 test pictures");
  });

  test("by layer, with a chart and a file; the last layer is the encoder's output", async () => {
    const out = join(folder, "probe.json");
    const chart = join(folder, "layers.svg");
    const outcome = await splitmask([
      ...["probe", run, ...folders, "--layers", "all", "--out", out, "--chart", chart],
    ]);
    expect([outcome.code, outcome.error]).toEqual([0, ""]);
    const written = JSON.parse(await readFile(out, "utf8")) as Evaluation & { evaluation: string };
    expect(written).toMatchObject({ evaluation: "probe", run, testPictures: join(folder, "test"), step: 4 });
    expect(written.layers!.map(({ layer }) => layer)).toEqual([1, 2]);
    const plain = await evaluation("probe");
    expect(written.layers![1]).toMatchObject({ accuracy: plain.accuracy, interval: plain.interval });
    expect(written).toMatchObject({ penalty: plain.penalty, converged: true });
    for (const text of ["true \\ predicted", "layer  accuracy  95 % confidence", "at layer 2: "])
      expect(outcome.output).toContain(text);
    const svg = await readFile(chart, "utf8");
    expect(svg).toContain("Linear-probe accuracy by layer, the encoder after 4 steps");
    expect(svg.match(/<circle/g)).toHaveLength(2);
  });

  test("a sweep of learning rates", async () => {
    const sweep = ["--optimizer", "sgd", "--learning-rates", "0.01,1", "--epochs", "5", "--probe-batch", "8"];
    const result = await evaluation("probe", ...sweep);
    expect(result.learningRates!.map(({ learningRate }) => learningRate)).toEqual([0.01, 1]);
    const chosen = result.learningRates!.find(({ learningRate }) => learningRate === result.learningRate)!;
    expect(chosen.accuracy).toBe(result.accuracy);
    const printed = await splitmask(["probe", run, ...folders, ...sweep]);
    expect(printed.output).toMatch(/learning rate {2}held out +test\n/);
    expect(printed.output).toMatch(/% {2}chosen\n/);
  });

  test.each([
    [["knn", "--seeds", "0,1"], "k-NN with all labels gives the same for every seed"],
    [["probe", "--seeds", "0,0"], '--seeds: got "0,0", expected different seeds.'],
    [
      ["probe", "--seeds", "0,x"],
      '--seeds: got "0,x", expected a list with commas, each a whole number from 0 on.',
    ],
    [["probe", "--seed", "1", "--repeats", "2"], "--seed, --seeds and --repeats: give only one of them."],
    [["probe", "--labels", "7"], '--labels: got "7", expected a percentage above 0 %'],
    [["probe", "--labels", "1%"], "--labels: 1% of 24 pictures are 1, without any of"],
    [["probe", "--labels", "50%", "--per-class", "2"], "--labels, --subset and --per-class: give only one"],
    [
      ["probe", "--layers", "3"],
      '--layers: got 3, but this encoder has 2 blocks; expected "all" or numbers from 0',
    ],
    [["probe", "--chart", "x.svg"], "--chart: there is nothing to draw without --layers."],
    [["probe", "--out", "x.txt"], '--out: got "x.txt", expected a file name that ends in .json.'],
    [["probe", "--epochs", "3"], "--learning-rates, --epochs and --probe-batch are for the sweep"],
    [["probe", "--optimizer", "adam"], "Allowed choices are lbfgs, sgd, lars."],
  ])("usage error of %j", async ([command, ...args], message) => {
    const outcome = await splitmask([command!, run, ...folders, ...args]);
    expect(outcome.error).toContain(message);
    expect(outcome.code).toBe(2);
  });
});

test("a chart of one layer, and one with texts that need escaping", () => {
  const layer = { layer: 3, accuracy: 0.5, interval: { low: 0.4, high: 0.6 } };
  const svg = layerChart([layer], "<a & b>", 0.1);
  expect(svg).toContain("&#60;a &#38; b&#62;");
  expect(svg).not.toContain("NaN");
});

describe("predict", () => {
  const strange = 'a,b "c"\nd';

  beforeAll(async () => {
    await mkdir(join(folder, "new", strange), { recursive: true });
    for (const number of [20, 21])
      await writeFile(join(folder, "new", `${number}.png`), await picture(number % 2, number));
    await rename(join(folder, "new", "21.png"), join(folder, "new", strange, "21.png"));
    await writeFile(join(folder, "new", "broken.png"), "no picture");
  });

  test("a fine-tuned run as CSV on standard output", async () => {
    const tuned = join(folder, "tuned");
    const outcome = await splitmask([
      ...["finetune", run, ...folders, "--out", tuned, "--epochs", "2", "--batch", "8", "--quiet"],
    ]);
    expect(outcome.code).toBe(0);
    const given = [tuned, join(folder, "new"), "--threads", "1", "--maximum-skipped", "0.5"];
    const predicted = await splitmask(["predict", ...given, "--top", "2"]);
    expect(predicted.code).toBe(0);
    expect(predicted.error).toContain("1 picture was skipped:");
    const lines = predicted.output.split("\r\n");
    expect(lines[0]).toBe("path,label,probability,label_2,probability_2");
    expect(lines.at(-1)).toBe("");
    expect(lines).toHaveLength(4);
    const row = lines.find((line) => line.startsWith("20.png"))!.split(",");
    expect([row[1], row[3]].sort()).toEqual(["across", "down"]);
    expect(Number(row[2]) + Number(row[4])).toBeCloseTo(1, 4);
    expect(predicted.output).toContain('\r\n"a,b ""c""\nd/21.png",');
    // The same classes as the evaluation's of the run itself.
    const out = join(folder, "test.jsonl");
    expect((await splitmask(["predict", tuned, join(folder, "test"), "--out", out])).code).toBe(0);
    const predictions = (await readFile(out, "utf8")).trim().split("\n");
    const hits = predictions.filter((line) => {
      const { label, path } = JSON.parse(line) as { label: string; path: string };
      return path.startsWith(label);
    });
    const found = JSON.parse(await readFile(join(tuned, "evaluation.json"), "utf8")) as { accuracy: number };
    expect(hits.length / predictions.length).toBe(found.accuracy);
  });

  test.each(["probe", "knn"])("by a %s on a pre-trained run, as JSON lines", async (classifier) => {
    const out = join(folder, "predictions.jsonl");
    const outcome = await splitmask([
      ...["predict", run, join(folder, "test"), ...folders.slice(0, 2), "--classifier", classifier],
      ...["--out", out, "--json", "--top", "9"],
    ]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toEqual({
      ...{
        predictions: out,
        format: "json",
        root: join(folder, "test"),
        count: 8,
        classes: ["across", "down"],
        skipped: 0,
      },
    });
    const lines = (await readFile(out, "utf8")).trim().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as { path: string; label: string; classes: object[] });
    expect(rows.map(({ path }) => path)).toContain(join("across", "012.png"));
    const evaluated = await evaluation(classifier);
    const hits = rows.filter(({ label, path }) => path.startsWith(label)).length;
    expect(hits / 8).toBe(evaluated.accuracy);
    expect(rows.every(({ classes }) => classes.length === 2)).toBe(true);
  });

  test("errors", async () => {
    const given = [run, join(folder, "new")];
    for (const [args, code, message] of [
      [
        given,
        2,
        "a pre-training run knows no classes. Give labeled pictures with --train, or fine-tune it first",
      ],
      [[join(folder, "none"), given[1]!], 1, "is not a fine-tuning run"],
      [
        [...given, "--json"],
        2,
        "--json: the predictions go to standard output. Give a file for them with --out.",
      ],
      [[...given, "--classifier", "knn"], 2, "--classifier: there is nothing to learn from."],
      [[...given, "--k", "3"], 2, "--k and --temperature are those of k-NN"],
    ] as const) {
      const outcome = await splitmask(["predict", ...args]);
      expect(outcome.error).toContain(message);
      expect([outcome.code, message]).toEqual([code, message]);
    }
  });

  test("names of any kind are one field of the CSV", () => {
    const plain = ["a b", "=cmd", "é", "it's", "a|b"];
    const quoted = ["a\nb", "a\rb", "a\r\nb", "a,b", 'a "b"', " a", "a ", "\ta", "a;b", "a\u2028b"];
    const classes = [{ label: "x\ny", probability: 1 }];
    const text = predictionsCsv([...plain, ...quoted].map((path) => ({ path, classes })));
    const lines = [
      ...plain.map((name) => `${name},"x\ny",1`),
      ...quoted.map((name) => `"${name.replaceAll('"', '""')}","x\ny",1`),
    ];
    expect(text).toBe(["path,label,probability", ...lines, ""].join("\r\n"));
  });

  test("no predictions are a header and no line", () => {
    expect(predictionsCsv([])).toBe("path,label,probability\r\n");
    expect(predictionsJsonLines([])).toBe("");
    const classes = [{ label: "x", probability: 1 }];
    expect(predictionsJsonLines([{ path: "a", classes }])).toBe('{"path":"a","label":"x","probability":1}\n');
  });
});
