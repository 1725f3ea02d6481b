import type { AccuracyInterval } from "@splitmask/eval";
import { html } from "../html/html.js";
import { styleElement } from "./assets.js";
import { ticks } from "./chart.js";

const size = { width: 640, height: 360 };
const margin = { left: 56, right: 20, top: 44, bottom: 48 };

/** What the features of one layer are worth. */
export interface LayerAccuracy {
  /** The layer: 0 is the embedding before the first block. */
  readonly layer: number;
  /** Share of the test pictures that was predicted correctly. */
  readonly accuracy: number;
  /** Confidence interval of `accuracy`. */
  readonly interval: AccuracyInterval;
}

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
export function layerChart(layers: readonly LayerAccuracy[], options: LayerChartOptions): string {
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
  const grid = [...new Set([bottom, ...marks, top])].map((mark) => {
    const height = y(mark / 100);
    return html`<line class="grid" x1="${margin.left}" x2="${right}" y1="${at(height)}" y2="${at(height)}"/>
<text x="${margin.left - 8}" y="${at(height + 4)}" text-anchor="end">${Number(mark.toPrecision(6))} %</text>
`;
  });
  const numbers = layers.map(
    ({
      layer,
    }) => html`<text x="${at(x(layer))}" y="${size.height - margin.bottom + 20}" text-anchor="middle">${layer}</text>
`,
  );
  const bars = layers.map(({ interval: { low, high }, layer }) => {
    const across = at(x(layer));
    return html`<line class="bar" x1="${across}" x2="${across}" y1="${at(y(low))}" y2="${at(y(high))}"/>
`;
  });
  const points = layers.map(({ accuracy, layer }) => {
    const label = `layer ${layer}: ${(100 * accuracy).toFixed(1)} %`;
    return html`<circle cx="${at(x(layer))}" cy="${at(y(accuracy))}" r="4"><title>${label}</title></circle>
`;
  });
  const line = layers.map(({ accuracy, layer }) => `${at(x(layer))},${at(y(accuracy))}`).join(" ");
  const level = y(chance);
  const { height, width } = size;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"
width="${width}" height="${height}" role="img">
<title>${title}</title>
${styleElement("layerChart")}
<rect width="100%" height="100%" fill="#fcfcfb"/>
<text class="title" x="${margin.left}" y="26">${title}</text>
${grid}<line class="chance" x1="${margin.left}" x2="${right}" y1="${at(level)}" y2="${at(level)}"/>
<text x="${right}" y="${at(level - 6)}" text-anchor="end">most frequent class</text>
${numbers}<text x="${(margin.left + right) / 2}" y="${size.height - 8}" text-anchor="middle">layer</text>
${bars}<polyline points="${line}"/>
${points}</svg>
`.toString();
}
