import {
  type ComparisonData,
  comparisonPage,
  type MapView,
  type ReportData,
  reportPage,
} from "@splitmask/cli";

const pixel = "data:image/png;base64,iVBORw0KGgo=";
const steps = Array.from({ length: 2000 }, (_, index) => index + 1);

const map: MapView = {
  method: "PCA",
  note: "How to read it.",
  x: [100, 900, 500],
  y: [40, 300, 200],
  height: 420,
  names: ["cats/a.png", "cats/</script><b>.png", "dogs/c.png"],
  classes: [
    { name: "cats", colour: 1, members: [0, 1] },
    { name: "<dogs>", colour: 2, members: [2] },
  ],
  atlas: { image: pixel, tile: 40, columns: 2, count: 3 },
};

const data: ReportData = {
  title: 'runs/<b>"photos"',
  written: "today",
  summary: "A small encoder.",
  warnings: ["--test: 3 of 4 <test> pictures are training pictures too"],
  withLabels: false,
  facts: [{ label: "Loss", value: "6.2", note: "from 13.9" }],
  charts: [
    {
      title: "Loss",
      caption: "and its parts",
      wide: true,
      series: [
        { name: "total", colour: 0, steps, values: steps.map((step) => 6 + 8 / step), smooth: true },
        { name: "match", colour: 2, steps, values: steps.map(() => 1) },
      ],
    },
  ],
  tokens: { vocabulary: 64, patches: 1000, entropy: 5, dead: 16, cumulative: [0.5, 1] },
  pictures: [
    {
      name: "a.png",
      original: pixel,
      words: pixel,
      branches: [
        { visible: pixel, predicted: pixel, accuracy: 0.25 },
        { visible: pixel, predicted: pixel, accuracy: 0.031 },
      ],
    },
  ],
  wordsNote: "Words are drawn as patches.",
  attention: [{ name: "a.png", original: pixel, rollout: pixel, heads: [pixel, pixel] }],
  neighbours: [
    { query: { name: "a.png", image: pixel }, nearest: [{ name: "b.png", image: pixel, similarity: 0.913 }] },
  ],
  map,
  confusions: [
    {
      title: "Of the classifier",
      note: "On test pictures.",
      classes: ["cats", "<dogs>"],
      counts: [
        [8, 2],
        [3, 7],
      ],
    },
  ],
  skipped: [{ path: "broken.jpg", reason: "truncated" }],
  configuration: [{ name: "batch", value: "128", reason: "given" }],
};

test("shows everything, and escapes what it is given", () => {
  const page = reportPage(data);
  for (const text of [
    "runs/&lt;b&gt;&quot;photos&quot;",
    "from 13.9",
    "25 % exact",
    "3.1 % exact",
    "head 2",
    "attention rollout",
    "M100 40h0M900 300h0",
    "3 pictures, each where its embedding lies. The colours are the classes, which the encoder never saw.",
    "Of the classifier: 75 % right",
    "15 of 20 pictures; always the largest class would be 50 %.",
    "2 of 10 “cats” taken for “&lt;dogs&gt;”",
    "0.91  b.png",
    "5.00 of 6.00 bits: as many as 32 words used evenly",
    "16 (25 %)",
    "<code>broken.jpg</code></th><td>truncated",
    '<th scope="row">batch</th><td>128</td><td>given</td>',
    '<p class="warning"><b>Warning.</b> --test: 3 of 4 &lt;test&gt; pictures are training pictures too.</p>',
  ]) {
    expect(page).toContain(text);
  }
  expect(page).not.toContain('<b>"photos');
  expect(page).not.toContain("<dogs>");
  expect(page).not.toContain("</script><b>");
  expect(reportPage({ ...data, withLabels: true })).not.toMatch(/never saw|No label/);
});

test("needs no network and no file", () => {
  const page = reportPage(data);
  expect(page).not.toMatch(/https?:\/\/|@import|url\(/);
  for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^(data:|#)/);
});

test("draws long runs with few points and labels the last value", () => {
  const page = reportPage(data);
  const paths = Array.from(page.matchAll(/class="line colour0" d="([^"]*)"/g), ([, path]) => path!);
  // For wide screens and for narrow ones.
  expect(paths.map((path) => path.split("L").length)).toEqual([500, 223]);
  expect(page).toContain(">total<tspan");
  expect(page).toMatch(/>6<\/tspan>/);
});

test("steps whose value is not finite are left out of a line, and one step is a dot", () => {
  const chart = (values: number[]) => {
    const series = [{ name: "total", colour: 0, steps: values.map((_, index) => index + 1), values }];
    return reportPage({ ...data, charts: [{ ...data.charts[0]!, wide: false, series }] });
  };
  const path = (page: string) => /class="line colour0" d="([^"]*)"/.exec(page)![1];
  expect(path(chart([1, Number.NaN, 3, Number.POSITIVE_INFINITY]))).toMatch(/^M48\.0 [\d.]+L252\.0 [\d.]+$/);
  expect(path(chart([2]))).toMatch(/^M48\.0 [\d.]+h0$/);
});

test("of many classes the worst are listed", () => {
  const classes = Array.from({ length: 30 }, (_, label) => `class ${label}`);
  const counts = classes.map((_, label) =>
    classes.map((_, to) => (to === label ? 10 + label : Number(to === (label + 1) % 30))),
  );
  const page = reportPage({ ...data, confusions: [{ title: "Many", note: "", classes, counts }] });
  expect(page).toContain("The 20 classes told worst, of 30");
  expect(page).toContain(
    '<th scope="row">class 0</th><td class="bar"><i style="--share:90.9%"></i></td><td>91 % of 11</td><td>class 1 1</td>',
  );
  expect(page).not.toContain('<th scope="row">class 29');
});

test("runs side by side", () => {
  const comparison: ComparisonData = {
    title: "2 runs side by side",
    written: "today",
    warnings: ["B two: tested with training pictures"],
    runs: [
      { letter: "A", name: "one<b>", path: "/runs/one", colour: 1 },
      { letter: "B", name: "two", path: "/runs/two", colour: 2 },
    ],
    figures: [{ name: "Loss", values: ["6.2", null] }],
    settings: [{ name: "batch", values: ["64", "<128>"] }],
    charts: [
      {
        title: "Loss",
        caption: "What is minimised.",
        series: [
          { name: "A", colour: 1, steps: [1, 2], values: [3, 2] },
          { name: "B", colour: 2, steps: [1, 2, 3], values: [4, 3, 1] },
        ],
      },
    ],
    confusions: [],
  };
  const page = comparisonPage(comparison);
  for (const text of [
    '<th scope="row">Loss</th><td>6.2</td><td>–</td>',
    '<p class="warning"><b>Warning.</b> B two: tested with training pictures.</p>',
    '<th scope="row">batch</th><td>64</td><td>&lt;128&gt;</td>',
    '<b class="colour2">B</b><div>two<small>/runs/two</small>',
    'aria-label="Loss: A from 3 to 2; B from 4 to 1"',
  ])
    expect(page).toContain(text);
  expect(page).not.toContain("one<b>");
  expect(page).not.toContain('href="#confusion"');
  expect(comparisonPage({ ...comparison, settings: [] })).toContain(
    "None: the runs were started with the same settings.",
  );
});

test("leaves out what there is not", () => {
  const page = reportPage({
    ...data,
    pictures: [],
    attention: [],
    neighbours: [],
    map: null,
    confusions: [],
    skipped: [],
    tokens: null,
    charts: [{ ...data.charts[0]!, series: [] }],
  });
  for (const heading of ["Two halves", "Attention", "Map", "Nearest", "Confusion", "Skipped", "Visual words"])
    expect(page).not.toContain(`<h2>${heading}`);
  expect(page).toContain("No steps were recorded.");
});
