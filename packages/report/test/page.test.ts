import { comparisonPage, formatDuration, type RecordedRun, reportPage } from "@splitmask/report";
import { comparedRuns, metricsOf, reportData } from "./reportData.js";

const data = reportData("<b>");

/** The report of a run with other records. */
const pageOf = (run: Partial<RecordedRun>, rest = {}) =>
  reportPage({ ...data, run: { ...data.run, ...run }, ...rest });
const matches = (page: string, pattern: RegExp) => Array.from(page.matchAll(pattern), ([, text]) => text!);

test("shows everything, and escapes what it is given", () => {
  const page = reportPage(data);
  for (const text of [
    "<h1>run &#60;b&#62;</h1>",
    "<dt>Loss</dt><dd>6.004<small>started at 14.000</small></dd>",
    "<dd>75.0 %<small>of 20 test pictures</small></dd>",
    "200 epochs of batch 64",
    "<dt>Tested&#60;b&#62;</dt><dd>0.5<small>after step 2,000</small></dd>",
    "<b>Tested&#60;b&#62;</b> Evaluated during training.",
    "<b>Rank&#60;b&#62;</b> of halves &#60;b&#62;</figcaption>",
    '<h2>What it paints &#60;b&#62;</h2><p class="lead">from a quarter &#60;b&#62;</p>',
    "painted&#60;b&#62;</div>25 % exact&#60;b&#62;",
    '<p class="note">painted pixels &#60;b&#62;</p>',
    "head 2",
    "M100 40h0M900 300h0",
    "3 pictures, each placed by its embedding. The colors are the classes, which the encoder never saw.",
    "Classifier&#60;b&#62;: 75.0 % correct",
    "15 of 20 pictures;\nalways predicting the most frequent class gives 50 %.",
    "2 of 10 “cats&#60;b&#62;” predicted as “dogs&#60;b&#62;”",
    'title="cats/b&#60;b&#62;">b&#60;b&#62;</div>0.913',
    "5.00 of at most 6.00 bits: as much as 32 equally frequent words",
    "16 (25 %)",
    "<code>broken&#60;b&#62;</code></th><td>truncated&#60;b&#62;",
    "One picture could not be read",
    '<p class="card warning"><b>Warning.</b> tested with training pictures &#60;b&#62;.</p>',
    '<th scope="row">batch&#60;b&#62;</th><td>128&#60;b&#62;</td><td>given&#60;b&#62;</td>',
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
  const [path] = matches(page, /class="line" style="color:var\(--color0\)" d="([^"]*)"/g);
  expect(path!.split("L")).toHaveLength(500);
  expect(page).toContain("<b>total</b><br>6</span>");
});

test("steps whose value is not finite are left out of a line, and one step is a dot", () => {
  const path = (...losses: number[]) => {
    const page = pageOf({ metrics: metricsOf(losses.length, (step) => ({ total: losses[step - 1]! })) });
    return matches(page, /class="line(?: dot)?" style="color:var\(--color0\)" d="([^"]*)"/g)[0];
  };
  expect(path(1, Number.NaN, 3, Number.POSITIVE_INFINITY)).toMatch(/^M0 [\d.]+L1000 [\d.]+$/);
  expect(path(2)).toMatch(/^M500 [\d.]+h0$/);
});

test("a loss with one part is drawn once, with what its method tells of it", () => {
  const figures = { error: { title: "Error", caption: "Of the hidden patches." } };
  const losses = (step: number) => ({ error: 1 / step, total: 1 / step });
  const page = pageOf({ figures, metrics: metricsOf(9, losses) }, { guessing: undefined });
  expect(page).toContain("<b>Loss</b> Of the hidden patches.</figcaption>");
  const loss = page.slice(page.indexOf("<b>Loss</b>"), page.indexOf("<b>Learning rate</b>"));
  expect(loss.match(/class="line"/g)).toHaveLength(1);
  expect(loss).toContain("<b></b> 0.111</span>");
});

test("of many classes the least accurate are listed", () => {
  const page = reportPage(reportData(""));
  expect(page).toContain("The 20 least accurate of 30 classes");
  const first = `<th scope="row" class="cut">class 0</th>\n<td><progress value="0.909"></progress></td>`;
  expect(page).toContain(`${first}\n<td class="cut">91 % of 11</td><td>class 1 1</td>`);
  expect(page).not.toContain('class="cut">class 29');
});

test("runs side by side", () => {
  const [one, two] = comparedRuns("<b>") as [RecordedRun, RecordedRun];
  const page = comparisonPage([one, two], "today");
  for (const text of [
    '<th scope="row">Part&#60;b&#62; loss</th><td>1</td><td>–</td>',
    '<th scope="row">batch</th><td>64</td><td>128&#60;b&#62;</td>',
    '<b style="color:var(--color2)">B</b> two<br><small>/runs/two</small>',
    'aria-label="Loss: A from 3 to 2; B from 4 to 2"',
    "<b>Warning.</b> A one&#60;b&#62;: tested with training pictures &#60;b&#62;.",
  ])
    expect(page).toContain(text);
  expect(page).not.toContain('href="#confusion"');
  expect(comparisonPage([one, { ...two, config: one.config }], "today")).toContain(
    "None: the runs have the same settings.",
  );
});

test("settings that differ are read out of the nested settings of each run", () => {
  const [one, two] = comparedRuns("") as [RecordedRun, RecordedRun];
  const described = (choice: string, config: object) => ({
    ...{ format: 1, choices: [choice], method: "splitmask", config },
    pictures: { path: "photos", identity: { digest: choice } },
  });
  const first = { seed: 2 ** 53 - 1, mean: [0.1 + 0.2, 1 / 3], clip: null, classes: ["x", "y"] };
  const page = comparisonPage(
    [
      { ...one, config: described("a", { ...first, crop: { ratio: 0.5 } }) },
      { ...two, config: described("b", { seed: 7, mean: [0.3, 0.5], clip: 3, crop: { ratio: 1 } }) },
    ],
    "today",
  );
  const section = page.slice(page.indexOf('<section id="settings">'), page.indexOf('<section id="curves">'));
  const rows = matches(section, /<tr>(<th scope="row">.*?)<\/tr>/g).map((row) => row.split(/<[^>]*>/));
  expect(rows.map((cells) => cells.filter((text) => text !== ""))).toEqual([
    ["seed", "9007199254740991", "7"],
    ["mean", "0.3, 0.333333", "0.3, 0.5"],
    ["clip", "none", "3"],
    ["classes", "x, y", "–"],
    ["crop.ratio", "0.5", "1"],
  ]);
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
  const page = pageOf(
    { confusion: null, metrics: [] },
    {
      ...{ method: null, tokens: null, map: null },
      attention: [],
      neighbors: [],
      confusions: [],
      skipped: [],
    },
  );
  for (const heading of ["What it", "Attention", "Map", "Nearest", "Confusion", "Skipped", "Visual words"])
    expect(page).not.toContain(`<h2>${heading}`);
  expect(page).toContain("No steps were recorded.");
});

test("figures are called as their method says, and share a chart where it says so", () => {
  const health = { wordEntropy: 3, targetEntropy: 4, other: 5 };
  const shared = { title: "Entropies", caption: "In bits." };
  const run = {
    metrics: metricsOf(2, () => ({ match: 1, total: 3 })).map((record) => ({ ...record, health })),
    evaluations: [{ step: 2, time: 2, seconds: 1, evaluation: { match: 0.5 } }],
    figures: {
      match: { title: "Matching", caption: "Two halves." },
      wordEntropy: { title: "Of words", caption: "", shared: { ...shared, line: "words" } },
      targetEntropy: { title: "Of targets", caption: "", shared: { ...shared, line: "targets" } },
    },
  };
  const page = pageOf(run, { guessing: 2.5, clip: 3, tokens: null });
  const charts = page.split('<figure class="card chart').slice(1);
  const told = charts.map((chart) => [
    ...chart.match(/<b>(.*?)<\/b> (.*?)<\/figcaption>/)!.slice(1),
    matches(chart, /class="label cut" title="(.*?)"/g),
  ]);
  expect(told).toEqual([
    [
      "Loss",
      "The training loss and its parts. The dashed line is the loss of random guessing.",
      ["total", "match"],
    ],
    ["Learning rate", "Of each step.", [""]],
    ["Gradient norm", "Of all gradients together, before clipping at 3.", [""]],
    ["Match", "Evaluated during training.", [""]],
    ["Entropies", "In bits.", ["words", "targets"]],
    ["Other", "Measured during training.", [""]],
    ["Speed", "Pictures per second.", [""]],
  ]);
  expect(charts[0]).toMatch(/class="reference"[\s\S]*>random guessing<\/span>/);
  expect(new Set(matches(charts[4]!, /class="line" style="color:(.*?)"/g)).size).toBe(2);
  const compared = comparisonPage([{ ...data.run, ...run }, data.run], "today");
  expect(compared).toContain("<b>Matching</b> Two halves.</figcaption>");
});
