import type { ComparisonData, MapView, ReportData } from "@splitmask/report";
import sharp from "sharp";

const steps = Array.from({ length: 2000 }, (_, index) => index + 1);
const picture = sharp({ create: { width: 80, height: 80, channels: 3, background: "teal" } });
const pixel = `data:image/png;base64,${(await picture.png().toBuffer()).toString("base64")}`;

/** What a page is told of a run that has everything; `text` is a part of every name, title, remark and setting. */
export function reportData(text: string): ReportData {
  const map: MapView = {
    method: "PCA",
    note: `how to read ${text}`,
    x: [100, 900, 500],
    y: [40, 300, 200],
    width: 1000,
    height: 420,
    names: [`cats/a${text}`, `cats/b${text}`, `dogs/c${text}`],
    classes: [
      { name: `cats${text}`, color: 1, members: [0, 1] },
      { name: `dogs${text}`, color: 2, members: [2] },
    ],
    atlas: { image: pixel, tile: 40, columns: 2, count: 3 },
  };
  return {
    title: `run ${text}`,
    written: `today${text}`,
    summary: `a small encoder ${text}`,
    warnings: [`tested with training pictures ${text}`],
    withLabels: false,
    facts: [{ label: `Loss${text}`, value: `6.2${text}`, note: `started at 13.9${text}` }],
    charts: [
      {
        title: `Loss${text}`,
        caption: `and its parts${text}`,
        wide: true,
        series: [
          { name: "total", color: 0, steps, values: steps.map((step) => 6 + 8 / step), smooth: true },
          { name: `match${text}`, color: 2, steps, values: steps.map(() => 1) },
        ],
        reference: { name: `guess${text}`, value: 9 },
      },
    ],
    tokens: { vocabulary: 64, patches: 1000, entropy: 5, dead: 16, cumulative: [0.5, 1] },
    method: {
      title: `What it paints ${text}`,
      lead: `from a quarter ${text}`,
      note: `painted pixels ${text}`,
      pictures: [
        {
          name: `a${text}`,
          original: pixel,
          panels: [
            { caption: `hidden${text}`, image: pixel, remark: null },
            { caption: `painted${text}`, image: pixel, remark: `25 % exact${text}` },
          ],
        },
        { name: "b", original: pixel, panels: [] },
      ],
    },
    attention: [{ name: `a${text}`, original: pixel, rollout: pixel, heads: [pixel, pixel] }],
    neighbors: [
      {
        query: { name: `a${text}`, image: pixel },
        nearest: [{ name: `b${text}`, image: pixel, similarity: 0.913 }],
      },
    ],
    map,
    confusions: [
      {
        title: `Classifier${text}`,
        note: `on test pictures ${text}`,
        classes: [`cats${text}`, `dogs${text}`],
        counts: [
          [8, 2],
          [3, 7],
        ],
      },
      manyClasses(text),
    ],
    skipped: [{ path: `broken${text}`, reason: `truncated${text}` }],
    configuration: [{ name: `batch${text}`, value: `128${text}`, reason: `given${text}` }],
  };
}

/** More classes than a matrix has room for: the first are told worst. */
function manyClasses(text: string): ReportData["confusions"][number] {
  const classes = Array.from({ length: 30 }, (_, label) => `class ${label}${text}`);
  const counts = classes.map((_, label) =>
    classes.map((_, to) => (to === label ? 10 + label : Number(to === (label + 1) % 30))),
  );
  return { title: `Many${text}`, note: text, classes, counts };
}

/** What a page is told of two runs. */
export function comparisonData(text: string): ComparisonData {
  return {
    title: `2 runs side by side${text}`,
    written: "today",
    warnings: [`B: tested with training pictures ${text}`],
    runs: [
      { letter: "A", name: `one${text}`, path: `/runs/one${text}`, color: 1 },
      { letter: "B", name: "two", path: "/runs/two", color: 2 },
    ],
    figures: [{ name: `Loss${text}`, values: [`6.2${text}`, null] }],
    settings: [{ name: `batch${text}`, values: ["64", `128${text}`] }],
    charts: [
      {
        title: `Loss${text}`,
        caption: "The training loss.",
        series: [
          { name: "A", color: 1, steps: [1, 2], values: [3, 2] },
          { name: "B", color: 2, steps: [1, 2, 3], values: [4, 3, 1] },
        ],
      },
    ],
    confusions: [],
  };
}
