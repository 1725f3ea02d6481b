import type { RecordedRun, ReportData } from "@splitmask/report";
import sharp from "sharp";

const picture = sharp({ create: { width: 80, height: 80, channels: 3, background: "teal" } });
const pixel = `data:image/png;base64,${(await picture.png().toBuffer()).toString("base64")}`;

/** What a page is told of a run that has everything; `text` is a part of every name, title, remark and setting. */
export function reportData(text: string): ReportData {
  const map: ReportData["map"] = {
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
    atlas: { image: pixel, tile: 40, columns: 2 },
  };
  return {
    run: {
      name: `run ${text}`,
      path: `/runs/${text}`,
      config: {},
      metrics: metricsOf(2000, (step) => ({ total: 6 + 8 / step, [`match${text}`]: 1 })).map((record) => ({
        ...record,
        health: { rank: 2 },
      })),
      evaluations: [{ step: 2000, time: 2000, seconds: 1, evaluation: { [`tested${text}`]: 0.5 } }],
      figures: { rank: { title: `Rank${text}`, caption: `of halves ${text}` } },
      confusion: {
        title: `Classifier${text}`,
        note: `on test pictures ${text}`,
        classes: [`cats${text}`, `dogs${text}`],
        counts: [
          [8, 2],
          [3, 7],
        ],
      },
      warnings: [`tested with training pictures ${text}`],
      skipped: [],
    },
    written: `today${text}`,
    summary: `a small encoder ${text}`,
    withLabels: false,
    ...{ batch: 64, pictureCount: 640, guessing: 9, clip: 3 },
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
            { caption: `hidden${text}`, image: pixel },
            { caption: `painted${text}`, image: pixel, remark: `25 % exact${text}` },
          ],
        },
        { name: "b", original: pixel, panels: [] },
      ],
    },
    attention: [
      {
        name: `a${text}`,
        original: pixel,
        panels: ["rollout", "head 1", "head 2"].map((caption) => ({ caption, image: pixel })),
      },
    ],
    neighbors: [
      {
        name: `a${text}`,
        original: pixel,
        panels: [{ name: `cats/b${text}`, caption: `b${text}`, image: pixel, remark: "0.913" }],
      },
    ],
    map,
    confusions: [manyClasses(text)],
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

/** The records of so many steps. */
export function metricsOf(
  steps: number,
  lossesOf: (step: number) => Record<string, number>,
): RecordedRun["metrics"] {
  return Array.from({ length: steps }, (_, index) => ({
    ...{ step: index + 1, time: index + 1, losses: lossesOf(index + 1) },
    ...{ learningRate: 0.1, gradientNorm: 1, imagesPerSecond: 9 },
  }));
}

/** Two runs to be put side by side. */
export function comparedRuns(text: string): RecordedRun[] {
  const shared = { evaluations: [], confusion: null, skipped: [] };
  return [
    {
      ...{ ...shared, name: `one${text}`, path: `/runs/one${text}`, config: { config: { batch: 64 } } },
      metrics: metricsOf(2, (step) => ({ total: 4 - step, [`part${text}`]: 1 })),
      warnings: [`tested with training pictures ${text}`],
    },
    {
      ...{ ...shared, name: "two", path: "/runs/two", config: { config: { batch: `128${text}` } } },
      ...{ metrics: metricsOf(3, (step) => ({ total: 5 - step })), warnings: [] },
    },
  ];
}
