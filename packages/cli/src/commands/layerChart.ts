import { ticks } from "../report/chart.js";
import { escapeHtml } from "../report/escape.js";
import type { LayerEvaluation } from "../run/evaluate.js";

const size = { width: 640, height: 360 };
const margin = { left: 56, right: 20, top: 44, bottom: 48 };

/** What a chart of layers says besides the layers. */
export interface LayerChartOptions {
  /** Its heading. */
  readonly title: string;
  /** Accuracy of always naming the most frequent class: a dashed line. */
  readonly chance: number;
}

/**
 * Draws accuracy by layer, with confidence intervals, as an SVG document: the paper's figure 5.
 *
 * @param layers In rising order.
 * @returns The document.
 */
export function layerChart(layers: readonly LayerEvaluation[], options: LayerChartOptions): string {
  const { chance, title } = options;
  const first = layers[0]!.layer;
  const last = layers.at(-1)!.layer;
  const ends = layers.flatMap(({ interval }) => [interval.low, interval.high]);
  const marks = ticks(
    100 * Math.max(0, Math.min(chance, ...ends)),
    100 * Math.min(1, Math.max(chance, ...ends)),
    5,
  );
  const step = marks.length > 1 ? marks[1]! - marks[0]! : 1;
  const bottom = Math.max(0, marks[0]! - step);
  const top = Math.min(100, marks.at(-1)! + step);
  const x = (layer: number) =>
    margin.left +
    (first === last ? 0.5 : (layer - first) / (last - first)) * (size.width - margin.left - margin.right);
  const y = (share: number) =>
    size.height -
    margin.bottom -
    ((100 * share - bottom) / (top - bottom)) * (size.height - margin.top - margin.bottom);
  const at = (value: number) => value.toFixed(1);
  const right = size.width - margin.right;
  const grid = [bottom, ...marks, top]
    .filter((mark, place, all) => all.indexOf(mark) === place)
    .map(
      (mark) =>
        `<line class="grid" x1="${margin.left}" x2="${right}" y1="${at(y(mark / 100))}" y2="${at(y(mark / 100))}"/>` +
        `<text x="${margin.left - 8}" y="${at(y(mark / 100) + 4)}" text-anchor="end">${Number(mark.toPrecision(6))} %</text>`,
    );
  const numbers = layers.map(
    ({ layer }) =>
      `<text x="${at(x(layer))}" y="${size.height - margin.bottom + 20}" text-anchor="middle">${layer}</text>`,
  );
  const bars = layers.map(
    ({ interval, layer }) =>
      `<line class="bar" x1="${at(x(layer))}" x2="${at(x(layer))}" y1="${at(y(interval.low))}" y2="${at(y(interval.high))}"/>`,
  );
  const points = layers.map(
    ({ accuracy, layer }) =>
      `<circle cx="${at(x(layer))}" cy="${at(y(accuracy))}" r="4"><title>layer ${layer}: ${(100 * accuracy).toFixed(1)} %</title></circle>`,
  );
  const line = layers.map(({ accuracy, layer }) => `${at(x(layer))},${at(y(accuracy))}`).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img">
<title>${escapeHtml(title)}</title>
<style>text{font:13px system-ui,sans-serif;fill:#52514e}.title{font-size:15px;fill:#0b0b0b}.grid{stroke:#e4e3df}.chance{stroke:#898781;stroke-dasharray:4 4}.bar{stroke:#2a78d6;stroke-width:1.5;opacity:.5}polyline{fill:none;stroke:#2a78d6;stroke-width:2}circle{fill:#2a78d6}</style>
<rect width="100%" height="100%" fill="#fcfcfb"/>
<text class="title" x="${margin.left}" y="26">${escapeHtml(title)}</text>
${grid.join("\n")}
<line class="chance" x1="${margin.left}" x2="${right}" y1="${at(y(chance))}" y2="${at(y(chance))}"/>
<text x="${right}" y="${at(y(chance) - 6)}" text-anchor="end">most frequent class</text>
${numbers.join("\n")}
<text x="${(margin.left + right) / 2}" y="${size.height - 8}" text-anchor="middle">layer</text>
${bars.join("\n")}
<polyline points="${line}"/>
${points.join("\n")}
</svg>
`;
}
