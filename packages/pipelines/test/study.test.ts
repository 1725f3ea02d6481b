import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "@splitmask/pipelines";
import {
  checkPlan,
  type PlanFile,
  paperPlan,
  paperPlanNames,
  readPlan,
  resultText,
  type StudyResults,
} from "@splitmask/pipelines/study";

const base = {
  pictures: { pictures: "photos", train: "labeled/train", test: { path: "labeled/test", subset: 100 } },
  cells: [{ method: ["splitmask", "mae"] }],
  evaluations: { probe: { kind: "probe" } },
} satisfies PlanFile;

const check = (changed: object) => checkPlan({ ...base, ...changed }, "plan", "plan.json", "/data/plan.json");

test("a grid of axes gives rows, each with the settings of its values", async () => {
  const plan = await check({
    pictures: { ...base.pictures, few: { path: "photos", subset: "10%", seed: 3 } },
    pretraining: { settings: { batch: 16, vocabulary: 64 } },
    cells: [
      { method: ["splitmask", { label: "masked", settings: { method: "mae", batch: 8 } }], depth: [2, 4] },
      { pictures: ["few"], kind: [{ label: "untrained", untrained: true, evaluations: ["probe"] }] },
    ],
    seeds: 2,
  });
  expect(plan).toMatchObject({ name: "plan", title: "plan", seeds: [0, 1], baseline: "splitmask, depth 2" });
  expect(plan.pictures.few).toEqual({ path: "/data/photos", subset: "10%", seed: 3 });
  expect(
    plan.rows.map(({ label, method, pictures, settings, untrained }) => [
      label,
      method,
      pictures,
      untrained,
      settings,
    ]),
  ).toEqual([
    ["splitmask, depth 2", "splitmask", "pictures", false, { batch: 16, vocabulary: 64, depth: 2 }],
    ["splitmask, depth 4", "splitmask", "pictures", false, { batch: 16, vocabulary: 64, depth: 4 }],
    // MAE has no vocabulary, and its own batch.
    ["masked, depth 2", "mae", "pictures", false, { batch: 8, depth: 2 }],
    ["masked, depth 4", "mae", "pictures", false, { batch: 8, depth: 4 }],
    ["few, untrained", "splitmask", "few", true, { batch: 16, vocabulary: 64 }],
  ]);
  expect(plan.rows[1]!.places).toEqual([
    { axis: "method", label: "splitmask", at: null },
    { axis: "depth", label: "depth 4", at: 4 },
  ]);
  expect(plan.evaluations.probe).toEqual({ kind: "probe", train: "train", test: "test" });
});

const settings = (given: object) => ({ pretraining: { settings: given } });

test.each<[string, object, string]>([
  ["a field that is none", { cell: [] }, 'unknown field "cell" (given []). Did you mean "cells"?'],
  ["no pictures", { pictures: undefined }, "plan.json: pictures is missing."],
  ["no cells", { cells: [] }, "plan.json: cells: got [], expected a list of grids."],
  [
    "a subset that is none",
    { pictures: { ...base.pictures, train: { path: "x", subset: "some" } } },
    'plan.json › pictures › train: subset: got "some", expected a share such as "10%", or a number of pictures.',
  ],
  [
    "pictures without a path",
    { pictures: { ...base.pictures, train: {} } },
    "plan.json › pictures › train: path is missing.",
  ],
  [
    "half of a held-out part",
    { pictures: { ...base.pictures, train: { path: "x", part: "train" } } },
    "heldOut and part need each other",
  ],
  [
    "an evaluation of no kind",
    { evaluations: { probe: {} } },
    "plan.json › evaluations › probe: kind is missing.",
  ],
  [
    "an evaluation of another kind",
    { evaluations: { probe: { kind: "prob" } } },
    'probe: kind: got "prob", expected one of "knn", "probe", "finetune", "supervised". Did you mean "probe"?',
  ],
  [
    "an evaluation on pictures that are not there",
    { evaluations: { probe: { kind: "probe", train: "trai" } } },
    'got "trai", expected the name of pictures of the plan. Did you mean "train"?',
  ],
  [
    "an evaluation on what is learned",
    { evaluations: { probe: { kind: "probe", test: "train" } } },
    "train and test are the same pictures",
  ],
  [
    "a wrong setting of fine-tuning",
    { evaluations: { tuned: { kind: "finetune", settings: { mixup: -1 } } } },
    "plan.json › evaluations › tuned › settings: mixup: got -1, expected a number of at least 0.",
  ],
  [
    "a setting that no method of the plan has",
    settings({ imagesize: 32 }),
    'unknown field "imagesize" (given 32). Did you mean "imageSize"?',
  ],
  [
    "a wrong setting of an axis",
    { cells: [{ depth: [2, "deep"] }] },
    'plan.json › cells › 1 › depth: depth: got "deep", expected a number.',
  ],
  [
    "another method's setting of an axis",
    { cells: [{ method: [{ label: "x", settings: { method: "mae", matchWeight: 0 } }] }] },
    'unknown field "matchWeight"',
  ],
  ["a seed among the settings", settings({ seed: 1 }), "seed cannot be set here; give the plan's seeds."],
  ["a time", settings({ time: "1h" }), "time cannot be set here; give steps or epochs"],
  [
    "a tokenizer that is trained, and another one",
    { cells: [{ words: [{ label: "x", settings: { tokenizer: "k-means" }, tokenizer: {} }] }] },
    'plan.json › cells › 1 › words: the settings have the tokenizer "k-means", and another one is trained.',
  ],
  [
    "a tokenizer for a method without words",
    { cells: [{ words: [{ label: "x", settings: { method: "mae" }, tokenizer: {} }] }] },
    "a tokenizer is trained, but the row's method has no words.",
  ],
  [
    "a wrong setting of a tokenizer",
    { cells: [{ words: [{ label: "x", tokenizer: { blocks: 0 } }] }] },
    "plan.json › cells › 1 › words › tokenizer: blocks: got 0, expected a number greater than 0.",
  ],
  [
    "a value without a label",
    { cells: [{ method: [{ untrained: true }] }] },
    "plan.json › cells › 1 › method: label is missing.",
  ],
  [
    "two rows of one name",
    { cells: [{ method: ["mae"] }, { method: ["mae"] }] },
    'two rows are called "mae"',
  ],
  ["seeds twice", { seeds: [1, 1] }, "plan.json › seeds: got 1, 1, expected different seeds."],
  [
    "a baseline that is no row",
    { baseline: "SplitMask" },
    'plan.json › baseline: got "SplitMask", expected the name of a row',
  ],
  [
    "a method as an object",
    { cells: [{ method: [{ label: "x", settings: { method: {} } }] }] },
    "method has to be a name or the path of a module",
  ],
  ["a method that is none", { cells: [{ method: ["splitmsk"] }] }, 'Did you mean "splitmask"?'],
])("a plan is refused that has %s", async (_, changed, text) => {
  const error = await check(changed).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toContain(text);
});

test("a plan may be JSON or a module", async () => {
  const folder = await mkdtemp(join(tmpdir(), "splitmask-plan-"));
  try {
    await writeFile(join(folder, "one.json"), JSON.stringify(base));
    await writeFile(join(folder, "two.mjs"), `export default ${JSON.stringify(base)};`);
    await writeFile(join(folder, "three.json"), "{");
    const [one, two] = [await readPlan(join(folder, "one.json")), await readPlan(join(folder, "two.mjs"))];
    expect(one.pictures.pictures!.path).toBe(join(folder, "photos"));
    expect({ ...two, name: "one", title: "one" }).toEqual(one);
    await expect(readPlan(join(folder, "three.json"))).rejects.toThrow("three.json: is not valid JSON");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(paperPlanNames)("the paper's study %s is a plan at every scale", async (name) => {
  for (const scale of ["tiny", "small", "full"] as const) {
    const pictures = ["kinds/photo", "kinds/sketch"];
    const plan = await paperPlan({ name, scale, pictures, train: "kinds/sketch" });
    expect(plan.rows.some(({ untrained }) => untrained)).toBe(true);
    expect(plan.name).toBe(`${name}-${scale}`);
    // What is tested with is seen nowhere else.
    const target = plan.pictures.test!.path;
    const { test: tested, ...others } = plan.pictures;
    expect(tested).toMatchObject({ heldOut: 0.2, part: "test" });
    for (const source of Object.values(others))
      if (source.path === target) expect(source).toMatchObject({ heldOut: 0.2, part: "train" });
    for (const evaluation of Object.values(plan.evaluations)) expect(evaluation.test).toBe("test");
  }
});

test("rows of a study differ in nothing but what is studied", async () => {
  const { rows } = await paperPlan({
    name: "sample-efficiency",
    scale: "small",
    train: "train",
    test: "test",
  });
  expect(rows.map(({ label, pictures, places }) => [label, pictures, places[0]!.at])).toEqual([
    ["1 %", "1 %", 1],
    ["5 %", "5 %", 5],
    ["10 %", "10 %", 10],
    ["100 %", "pictures", 100],
    ["untrained", "pictures", null],
  ]);
  expect(new Set(rows.map(({ settings }) => JSON.stringify(settings))).size).toBe(1);
});

test("results as text tell what is clear, what is not, and what is too little", () => {
  const row = (label: string, mean: number, comparison: object | null) => ({
    label,
    places: [],
    values: [{ accuracies: [], mean, standardDeviation: 0.0123, comparison }],
  });
  const results = {
    ...{ name: "plan", title: "A study", seeds: [0, 1, 2], baseline: "untrained" },
    figures: [{ name: "k-NN", evaluation: "k-NN", layer: null, test: 100 }],
    rows: [
      row("untrained", 0.3, null),
      row("SplitMask", 0.4567, {
        ...{ seeds: 3, difference: 0.1567, interval: { low: 0.1, high: 0.2134 } },
        ...{ pValue: 0.0004, verdict: "higher" },
      }),
      row("MAE", 0.29, {
        ...{ seeds: 1, difference: -0.01, interval: null, pValue: null, verdict: "too few seeds to tell" },
      }),
    ],
    failures: [{ step: "MAE, seed 1: pre-training", message: "no memory" }],
    ...{ steps: { done: 5, all: 6 }, warnings: ["careful"], seconds: 61 },
  } as unknown as StudyResults;
  expect(resultText(results).split("\n").slice(4)).toEqual([
    ...[
      "",
      "                 k-NN",
      "untrained  30.0 ± 1.2",
      "SplitMask  45.7 ± 1.2",
      "MAE        29.0 ± 1.2",
      "",
    ],
    'k-NN, compared with "untrained"',
    "  SplitMask  +15.7 (+10.0 to +21.3)  p < 0.001  higher",
    "  MAE        −1.0                               too few seeds to tell",
    "",
    "5 of 6 steps done in 1 min 01 s",
    "failed: MAE, seed 1: pre-training: no memory",
    "warning: careful",
    "",
  ]);
});
