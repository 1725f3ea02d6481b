import type { Classification } from "@splitmask/eval";
import { percent } from "../figures/format.js";
import { html } from "../html/html.js";
import { scale, ticks } from "./chart.js";

const size = { width: 640, height: 360 };
const edge = { left: 56, right: 620, top: 44, bottom: 312 };

/** What the features of one layer are worth. */
export interface LayerAccuracy extends Pick<Classification, "accuracy" | "interval"> {
  /** The layer: 0 is the embedding before the first block. */
  readonly layer: number;
}

/**
 * Draws accuracy by layer, with confidence intervals, as an SVG document: the paper's figure 5.
 *
 * @param layers In rising order.
 * @param title Its heading.
 * @param chance Accuracy of always naming the most frequent class: a dashed line.
 * @returns The document.
 */
export function layerChart(layers: readonly LayerAccuracy[], title: string, chance: number): string {
  const ends = [chance, ...layers.flatMap(({ interval }) => [interval.low, interval.high])];
  const inside = ticks(100 * Math.max(0, Math.min(...ends)), 100 * Math.min(1, Math.max(...ends)), 5);
  const step = inside.length > 1 ? inside[1]! - inside[0]! : 1;
  const bottom = Math.max(0, inside[0]! - step);
  const top = Math.min(100, inside.at(-1)! + step);
  const x = scale(layers[0]!.layer, layers.at(-1)!.layer, edge.left, edge.right);
  const y = scale(bottom / 100, top / 100, edge.bottom, edge.top);
  const level = (share: number) => `M${edge.left} ${y(share)}H${edge.right}`;
  const marks = [...new Set([bottom, ...inside, top])].map(
    (mark) => html`<path stroke="#e4e3df" d="${level(mark / 100)}"/>
<text x="${edge.left - 8}" y="${y(mark / 100)}" dy="4" text-anchor="end">${Number(mark.toPrecision(6))} %</text>
`,
  );
  const points = layers.map(
    ({
      accuracy,
      interval: { low, high },
      layer,
    }) => html`<text x="${x(layer)}" y="${edge.bottom + 20}">${layer}</text>
<path stroke="#2a78d6" stroke-width="1.5" opacity="0.5" d="M${x(layer)} ${y(low)}V${y(high)}"/>
<circle fill="#2a78d6" cx="${x(layer)}" cy="${y(accuracy)}" r="4">
<title>layer ${layer}: ${percent(accuracy, 1)}</title></circle>
`,
  );
  const line = layers.map(({ accuracy, layer }) => `${x(layer)},${y(accuracy)}`).join(" ");
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}"
width="${size.width}" height="${size.height}" role="img" font-family="system-ui, sans-serif" font-size="13"
fill="#52514e" text-anchor="middle">
<title>${title}</title>
<rect width="100%" height="100%" fill="#fcfcfb"/>
<text class="title" x="${edge.left}" y="26" font-size="15" fill="#0b0b0b" text-anchor="start">${title}</text>
${marks}<path stroke="#898781" stroke-dasharray="4 4" d="${level(chance)}"/>
<text x="${edge.right}" y="${y(chance)}" dy="-6" text-anchor="end">most frequent class</text>
<text x="${(edge.left + edge.right) / 2}" y="${size.height - 8}">layer</text>
<polyline fill="none" stroke="#2a78d6" stroke-width="2" points="${line}"/>
${points}</svg>
`.toString();
}
