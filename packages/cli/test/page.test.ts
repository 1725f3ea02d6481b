import { type ReportData, reportPage } from "@splitmask/cli";

const pixel = "data:image/png;base64,iVBORw0KGgo=";
const steps = Array.from({ length: 2000 }, (_, index) => index + 1);

const data: ReportData = {
  title: 'runs/<b>"photos"',
  written: "today",
  summary: "A small encoder.",
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
  attention: [{ name: "a.png", original: pixel, heads: [pixel, pixel] }],
  neighbours: [
    { query: { name: "a.png", image: pixel }, nearest: [{ name: "b.png", image: pixel, similarity: 0.913 }] },
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
    "0.91  b.png",
    "5.00 of 6.00 bits: as many as 32 words used evenly",
    "16 (25 %)",
    "<code>broken.jpg</code></th><td>truncated",
    '<th scope="row">batch</th><td>128</td><td>given</td>',
  ]) {
    expect(page).toContain(text);
  }
  expect(page).not.toContain('<b>"photos');
});

test("needs no network and no file", () => {
  const page = reportPage(data);
  expect(page).not.toMatch(/https?:\/\/|@import|url\(/);
  for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^data:/);
});

test("draws long runs with few points and labels the last value", () => {
  const page = reportPage(data);
  const path = /class="line colour0" d="([^"]*)"/.exec(page)![1]!;
  expect(path.split(/[ML]/).length).toBeLessThanOrEqual(602);
  expect(page).toContain(">total<tspan");
  expect(page).toMatch(/>6<\/tspan>/);
});

test("leaves out what there is not", () => {
  const page = reportPage({
    ...data,
    pictures: [],
    attention: [],
    neighbours: [],
    skipped: [],
    tokens: null,
    charts: [{ ...data.charts[0]!, series: [] }],
  });
  for (const heading of ["Two halves", "Attention", "Nearest", "Skipped", "Visual words"])
    expect(page).not.toContain(`<h2>${heading}`);
  expect(page).toContain("No steps were recorded.");
});
