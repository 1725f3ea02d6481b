import {
  chartsOf,
  comparisonOf,
  comparisonPage,
  curvesOf,
  formatDuration,
  reportPage,
} from "@splitmask/report";
import { comparisonData, reportData } from "./reportData.js";

const data = reportData("<b>");

test("shows everything, and escapes what it is given", () => {
  const page = reportPage(data);
  for (const text of [
    "<h1>run &lt;b&gt;</h1>",
    "started at 13.9&lt;b&gt;",
    "<h2>What it paints &lt;b&gt;</h2><p>from a quarter &lt;b&gt;</p>",
    '<div class="below">painted&lt;b&gt;<br>25 % exact&lt;b&gt;</div>',
    '<p class="note">painted pixels &lt;b&gt;</p>',
    "head 2",
    "attention rollout",
    "M100 40h0M900 300h0",
    "3 pictures, each placed by its embedding. The colors are the classes, which the encoder never saw.",
    "Classifier&lt;b&gt;: 75.0 % correct",
    "15 of 20 pictures;\nalways predicting the most frequent class gives 50 %.",
    "2 of 10 “cats&lt;b&gt;” predicted as “dogs&lt;b&gt;”",
    "b&lt;b&gt;</div>0.913",
    "5.00 of at most 6.00 bits: as much as 32 equally frequent words",
    "16 (25 %)",
    "<code>broken&lt;b&gt;</code></th><td>truncated&lt;b&gt;",
    "One picture could not be read",
    '<p class="warning"><b>Warning.</b> tested with training pictures &lt;b&gt;.</p>',
    '<th scope="row">batch&lt;b&gt;</th><td>128&lt;b&gt;</td><td>given&lt;b&gt;</td>',
  ]) {
    expect(page).toContain(text);
  }
  expect(page).not.toMatch(/(run|cats|batch) ?<b>/);
  expect(reportPage({ ...data, withLabels: true })).not.toMatch(/never saw|without labels/);
  const skipped = [...data.skipped, { path: "b", reason: "empty" }];
  expect(reportPage({ ...data, skipped })).toContain("2 pictures could not be read;");
});

test("needs no network and no file", () => {
  const page = reportPage(data);
  expect(page).not.toMatch(/https?:\/\/|@import|url\(/);
  for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^(data:|#)/);
});

test("draws long runs with few points and labels the last value", () => {
  const page = reportPage(data);
  const paths = Array.from(page.matchAll(/class="line color0" d="([^"]*)"/g), ([, path]) => path!);
  // For wide screens and for narrow ones.
  expect(paths.map((path) => path.split("L").length)).toEqual([500, 223]);
  expect(page).toContain(">total<tspan");
  expect(page).toMatch(/>6<\/tspan>/);
});

test("steps whose value is not finite are left out of a line, and one step is a dot", () => {
  const chart = (values: number[]) => {
    const series = [{ name: "total", color: 0, steps: values.map((_, index) => index + 1), values }];
    return reportPage({ ...data, charts: [{ ...data.charts[0]!, wide: false, series }] });
  };
  const path = (page: string) => /class="line(?: dot)? color0" d="([^"]*)"/.exec(page)![1];
  expect(path(chart([1, Number.NaN, 3, Number.POSITIVE_INFINITY]))).toMatch(/^M48\.0 [\d.]+L252\.0 [\d.]+$/);
  expect(path(chart([2]))).toMatch(/^M150\.0 [\d.]+h0$/);
});

test("of many classes the least accurate are listed", () => {
  const page = reportPage(reportData(""));
  expect(page).toContain("The 20 least accurate of 30 classes");
  const first = `<th scope="row">class 0</th><td class="bar"><i style="--share:90.9%"></i></td>`;
  expect(page).toContain(`${first}\n<td>91 % of 11</td><td>class 1 1</td>`);
  expect(page).not.toContain('<th scope="row">class 29');
});

test("runs side by side", () => {
  const page = comparisonPage(comparisonData("<b>"));
  for (const text of [
    '<th scope="row">Loss&lt;b&gt;</th><td>6.2&lt;b&gt;</td><td>–</td>',
    '<th scope="row">batch&lt;b&gt;</th><td>64</td><td>128&lt;b&gt;</td>',
    '<b class="color2">B</b><div>two<small>/runs/two</small>',
    'aria-label="Loss&lt;b&gt;: A from 3 to 2; B from 4 to 1"',
  ])
    expect(page).toContain(text);
  expect(page).not.toContain('href="#confusion"');
  expect(comparisonPage({ ...comparisonData(""), settings: [] })).toContain(
    "None: the runs have the same settings.",
  );
});

test("settings that differ are read out of the nested settings of each run", () => {
  const runOf = (name: string, config: object) => ({
    ...{ name, path: `/runs/${name}`, config: { format: 1, choices: [name], method: "splitmask", config } },
    ...{ metrics: [], evaluations: [], confusion: null, warnings: [], skipped: [] },
  });
  const { settings } = comparisonOf([
    runOf("a", {
      seed: 2 ** 53 - 1,
      mean: [0.1 + 0.2, 1 / 3],
      clip: null,
      classes: ["x", "y"],
      crop: { ratio: 0.5 },
    }),
    runOf("b", { seed: 7, mean: [0.3, 0.5], clip: 3, crop: { ratio: 1 } }),
  ]);
  expect(settings).toEqual([
    { name: "seed", values: ["9007199254740991", "7"] },
    { name: "mean", values: ["0.3, 0.333333", "0.3, 0.5"] },
    { name: "clip", values: ["none", "3"] },
    { name: "classes", values: ["x, y", null] },
    { name: "crop.ratio", values: ["0.5", "1"] },
  ]);
});

test("a line's long name is cut beside it, and whole in what the crosshair tells", () => {
  const series = [{ name: "reconstruction error", color: 1, steps: [1, 2], values: [3, 2] }];
  const page = reportPage({ ...data, charts: [{ title: "Loss", caption: "", series }] });
  expect(page).toContain(">reconstruct…<tspan");
  expect(page).toContain('"name":"reconstruction error"');
});

test.each([
  [8.2, "8 s"],
  [95, "1 min 35 s"],
  [3599, "1 h 00 min"],
  [1500, "25 min"],
  [7500, "2 h 05 min"],
  [Number.NaN, "–"],
])("%d seconds read %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test("leaves out what there is not", () => {
  const page = reportPage({
    ...data,
    method: null,
    attention: [],
    neighbors: [],
    map: null,
    confusions: [],
    skipped: [],
    tokens: null,
    charts: [{ ...data.charts[0]!, series: [] }],
  });
  for (const heading of [
    "What it paints",
    "Attention",
    "Map",
    "Nearest",
    "Confusion",
    "Skipped",
    "Visual words",
  ])
    expect(page).not.toContain(`<h2>${heading}`);
  expect(page).toContain("No steps were recorded.");
});

test("figures are called as their method says, and share a chart where it says so", () => {
  const health = { wordEntropy: 3, targetEntropy: 4, other: 5 };
  const metrics = [1, 2].map((step) => ({
    ...{ step, time: step, losses: { total: 3, match: 1 }, health },
    ...{ learningRate: 0.1, gradientNorm: 1, imagesPerSecond: 9 },
  }));
  const shared = { title: "Entropies", caption: "In bits." };
  const curves = curvesOf(metrics, [{ step: 2, time: 2, seconds: 1, evaluation: { match: 0.5 } }], {
    match: { title: "Matching", caption: "Two halves." },
    wordEntropy: { title: "Of words", caption: "", shared: { ...shared, line: "words" } },
    targetEntropy: { title: "Of targets", caption: "", shared: { ...shared, line: "targets" } },
  });
  const charts = chartsOf(curves, { guessing: 2.5, clip: 3 });
  expect(
    charts.map(({ title, caption, series }) => [title, caption, series.map(({ name }) => name)]),
  ).toEqual([
    [
      "Loss",
      "The training loss and its parts. The dashed line is the loss of random guessing.",
      ["total", "match"],
    ],
    ["Learning rate", "Of each step.", ["rate"]],
    ["Gradient norm", "Of all gradients together, before clipping at 3.", ["norm"]],
    ["Match", "Evaluated during training.", [""]],
    ["Entropies", "In bits.", ["words", "targets"]],
    ["Other", "Measured during training.", [""]],
    ["Speed", "Pictures per second.", ["speed"]],
  ]);
  expect(charts[0]!.reference).toEqual({ name: "random guessing", value: 2.5 });
  expect(curves.find(({ key }) => key === "loss/match")).toMatchObject({
    title: "Matching",
    caption: "Two halves.",
  });
  const colors = charts[4]!.series.map(({ color }) => color);
  expect(new Set(colors).size).toBe(2);
});
