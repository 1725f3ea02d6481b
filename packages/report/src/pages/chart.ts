import type { Chart, ChartReference, Series } from "../data.js";
import { formatNumber } from "../figures/format.js";
import { dataForScript, type Html, html } from "../html/html.js";
import type { ChartReading } from "./scriptData.js";

/** Sizes at which a page shows a chart, so that its text is drawn at its own size, and the most points of a line. */
const sizes = {
  wide: { width: 1040, height: 300, points: 600 },
  small: { width: 330, height: 210, points: 240 },
};
type Size = keyof typeof sizes;
/** Letters of a line's name that fit beside it (the crosshair tells the whole name), and of a level's name above it. */
const mostLetters = { line: 12, reference: 40 };
const margin = { left: 48, right: 78, top: 14, bottom: 30 };

/** The linear map from [from, to] onto [start, end]; a range of one value goes to the middle. */
function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  if (to === from) return () => (start + end) / 2;
  const factor = (end - start) / (to - from);
  return (value) => start + (value - from) * factor;
}

/**
 * Round values (1, 2 or 5 times a power of ten apart) that cover a range.
 *
 * @param low Lowest value.
 * @param high Highest value.
 * @param count About how many.
 * @returns The ticks inside the range, rising.
 */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/** The mean of the values around each one, over a window that shrinks at both ends, so that the line does not lag. */
function movingAverage(values: readonly number[]): number[] {
  const reach = Math.min(20, Math.floor(values.length / 30));
  return values.map((_, index) => {
    const half = Math.min(reach, index, values.length - 1 - index);
    const window = values.slice(index - half, index + half + 1);
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

/** At most `most` points, each the mean of its neighbors, so that pages stay small. What is not finite is left out. */
function thin(series: Series, most: number): { steps: number[]; values: number[] } {
  const finite = Array.from(series.values.keys()).filter((index) => Number.isFinite(series.values[index]));
  const group = Math.max(1, Math.ceil(finite.length / most));
  const steps: number[] = [];
  const values: number[] = [];
  for (let start = 0; start < finite.length; start += group) {
    const indices = finite.slice(start, start + group);
    const part = indices.map((index) => series.values[index]!);
    steps.push(series.steps[indices[Math.floor(indices.length / 2)]!]!);
    values.push(part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  return { steps, values };
}

/** Moves labels apart so that none overlaps, keeping their order. */
function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const order = positions.map((_, index) => index).sort((a, b) => positions[a]! - positions[b]!);
  const placed = [...positions];
  for (let index = 1; index < order.length; index++) {
    placed[order[index]!] = Math.max(placed[order[index]!]!, placed[order[index - 1]!]! + gap);
  }
  const over = Math.max(0, (placed[order.at(-1)!] ?? low) - high);
  return placed.map((position) => Math.max(low, position - over));
}

/** A series as it is drawn. */
interface DrawnSeries extends Series {
  /** Its points. */
  readonly raw: { readonly steps: readonly number[]; readonly values: readonly number[] };
  /** The strong line's values. */
  readonly line: readonly number[];
}

/**
 * Draws a chart as inline SVG: hairline grid, a line a series, each named at its end. The page's script adds a
 * crosshair. A wide chart is drawn a second time for narrow screens.
 *
 * @param chart The chart.
 * @returns A `<figure>`.
 */
export function chartFigure(chart: Chart): Html {
  const { caption, title, wide = false } = chart;
  const small = chartSvg(chart, "small");
  const drawing = wide
    ? html`<div class="wide-screen">${chartSvg(chart, "wide")}</div><div class="narrow-screen">${small}</div>`
    : small;
  return html`<figure class="card chart${wide && " wide"}"><figcaption><b>${title}</b> ${caption}</figcaption>
${
  small === null
    ? html`<p class="empty">No steps were recorded.</p>`
    : html`${drawing}<output class="readout"></output>`
}</figure>
`;
}

/** The drawing of a chart, and its values for the crosshair; null where there is nothing to draw. */
function chartSvg(chart: Chart, size: Size): Html | null {
  const { width, height, points } = sizes[size];
  const drawn = chart.series
    .map((series): DrawnSeries => {
      const raw = thin(series, points);
      return { ...series, raw, line: series.smooth === true ? movingAverage(raw.values) : raw.values };
    })
    .filter(({ raw }) => raw.steps.length > 0);
  if (drawn.length === 0) return null;

  const references = chart.reference === undefined ? [] : [chart.reference.value];
  const all = [...drawn.flatMap(({ line }) => line), ...references];
  const top = Math.max(...all);
  const bottom = Math.min(...all, 0);
  const pad = (top - bottom || 1) * 0.04;
  const firstStep = Math.min(...drawn.map(({ raw }) => raw.steps[0]!));
  const lastStep = Math.max(...drawn.map(({ raw }) => raw.steps.at(-1)!));
  const left = margin.left;
  const right = width - margin.right;
  const x = scale(firstStep, lastStep, left, right);
  const y = scale(bottom, top + pad, height - margin.bottom, margin.top);
  const path = (steps: readonly number[], values: readonly number[]) => {
    const places = values.map(
      (value, index) => `${x(steps[index]!).toFixed(1)} ${Math.max(margin.top - 8, y(value)).toFixed(1)}`,
    );
    // A line of one point is drawn as a dot, by its round cap.
    return `M${places.join("L")}${places.length === 1 ? "h0" : ""}`;
  };

  const grid = ticks(bottom, top + pad, 4).map((tick) => {
    const place = y(tick);
    return html`<line class="grid" x1="${left}" x2="${right}" y1="${place.toFixed(1)}" y2="${place.toFixed(1)}"/>
<text class="tick" x="${left - 8}" y="${(place + 4).toFixed(1)}" text-anchor="end">${formatNumber(tick)}</text>`;
  });
  const stepTicks = ticks(firstStep, lastStep, size === "wide" ? 8 : 4)
    .filter(Number.isInteger)
    .map((tick) => {
      const place = x(tick).toFixed(1);
      return html`<text class="tick" x="${place}" y="${height - 8}" text-anchor="middle">${formatNumber(tick)}</text>`;
    });
  const unit = size === "wide" && html`<text class="tick" x="${right + 16}" y="${height - 8}">step</text>`;
  const { reference } = chart;
  const level = reference !== undefined && referenceLine(reference, left, right, y(reference.value));
  const raws = drawn
    .filter(({ smooth }) => smooth === true)
    .map(({ color, raw }) => html`<path class="raw color${color}" d="${path(raw.steps, raw.values)}"/>`);
  const lines = drawn.map(({ color, raw, line }) => {
    const kind = line.length === 1 ? "line dot" : "line";
    return html`<path class="${kind} color${color}" d="${path(raw.steps, line)}"/>`;
  });
  const reading: ChartReading = {
    ...{ left, right, first: firstStep, last: lastStep },
    series: drawn.map(({ name, raw, line }) => ({
      ...{ name, steps: raw.steps },
      values: line.map((value) => Number(value.toPrecision(4))),
    })),
  };
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${chartSummary(chart, drawn)}">
${grid}${stepTicks}${unit}${level}${raws}${lines}${endLabels(drawn, y, width, height)}
<line class="crosshair" y1="${margin.top}" y2="${height - margin.bottom}" visibility="hidden"/>
</svg>${dataForScript(reading)}`;
}

function referenceLine({ name }: ChartReference, left: number, right: number, height: number): Html {
  const y = height.toFixed(1);
  return html`<line class="reference" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>
<text class="tick" x="${left + 6}" y="${(height - 5).toFixed(1)}">${shortened(name, mostLetters.reference)}</text>`;
}

/** A name of at most so many letters. */
function shortened(name: string, most: number): string {
  const letters = Array.from(name);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : name;
}

/** What a chart says, for those who do not see it. */
function chartSummary(chart: Chart, drawn: readonly DrawnSeries[]): string {
  const lines = drawn.map(({ name, line }) =>
    `${name} from ${formatNumber(line[0]!)} to ${formatNumber(line.at(-1)!)}`.trim(),
  );
  return `${chart.title}: ${lines.join("; ")}`;
}

/** Name and last value of each line at its end, one above the other; letters and bare values in one row. */
function endLabels(
  drawn: readonly DrawnSeries[],
  y: (value: number) => number,
  width: number,
  height: number,
): Html[] {
  const short = drawn.every(({ name }) => name.length <= 1);
  const low = margin.top + 6;
  const high = height - margin.bottom - (short ? 0 : 8);
  const gap = Math.min(short ? 15 : 28, (high - low) / Math.max(1, drawn.length - 1));
  const ends = spread(
    drawn.map(({ line }) => y(line.at(-1)!)),
    gap,
    low,
    high,
  );
  const x = width - margin.right + 8;
  return drawn.map(({ name, color, line }, index) => {
    const value = formatNumber(line.at(-1)!);
    const text =
      short || name === ""
        ? html`${name}${name !== "" && " "}<tspan class="value">${value}</tspan>`
        : html`${shortened(name, mostLetters.line)}<tspan class="value" x="${x}" dy="13">${value}</tspan>`;
    return html`<text class="label color${color}" x="${x}" y="${ends[index]!.toFixed(1)}">${text}</text>`;
  });
}

/**
 * Draws how unevenly the words are used: the share of the patches against the share of the words, most frequent first.
 *
 * @param cumulative One entry a percent of the words.
 * @returns An `<svg>`.
 */
export function concentrationSvg(cumulative: readonly number[]): Html {
  const size = 200;
  const x = scale(0, 100, 30, size - 8);
  const y = scale(0, 1, size - 24, 8);
  const points = [0, ...cumulative]
    .map((value, index) => `${index === 0 ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
  const shares = [0, 0.5, 1].map(
    (tick) =>
      html`<text class="tick" x="24" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick * 100}</text>`,
  );
  const words = [0, 50, 100].map(
    (tick) =>
      html`<text class="tick" x="${x(tick).toFixed(1)}" y="${size - 8}" text-anchor="middle">${tick}</text>`,
  );
  return html`<svg class="concentration" viewBox="0 0 ${size} ${size}" role="img"
aria-label="cumulative share of the patches, over the words from the most frequent on">
<path class="even" d="M${x(0)} ${y(0)}L${x(100)} ${y(1)}"/><path class="line color1" d="${points}"/>
${shares}${words}</svg>`;
}
