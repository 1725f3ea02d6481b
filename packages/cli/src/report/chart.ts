import type { Chart, Series } from "./data.js";
import { escapeHtml } from "./escape.js";

/** Sizes at which the page shows a chart, so that its text is drawn at its own size. */
const sizes = { wide: { width: 1040, height: 300 }, small: { width: 330, height: 210 } };
const margin = { left: 48, right: 78, top: 14, bottom: 30 };

/** The linear map from [from, to] onto [start, end]. */
function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const factor = to === from ? 0 : (end - start) / (to - from);
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

/**
 * A number for an axis or a label: three significant digits, with thousands separators or an exponent where that is shorter.
 *
 * @param value The number.
 * @returns The text.
 */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size < 0.01) return value.toExponential(1).replace(".0e", "e");
  return String(Number(value.toPrecision(3)));
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

/** At most `most` points, each the mean of its neighbours, so that a long run stays a small page. */
function thin(series: Series, most: number): { steps: number[]; values: number[] } {
  const group = Math.max(1, Math.ceil(series.steps.length / most));
  const steps: number[] = [];
  const values: number[] = [];
  for (let start = 0; start < series.steps.length; start += group) {
    const part = series.values.slice(start, start + group);
    steps.push(series.steps[Math.min(series.steps.length - 1, start + Math.floor(part.length / 2))]!);
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

/**
 * Draws a chart as inline SVG: hairline grid, a line a series, each named at its end. The page's script adds a crosshair.
 *
 * @param chart The chart.
 * @returns A `<figure>`.
 */
export function chartHtml(chart: Chart): string {
  const { width, height } = sizes[chart.wide === true ? "wide" : "small"];
  const drawn = chart.series
    .filter((series) => series.steps.length > 0)
    .map((series) => {
      const raw = thin(series, 600);
      return { ...series, raw, line: series.smooth === true ? movingAverage(raw.values) : raw.values };
    });
  const heading = `<figcaption><b>${escapeHtml(chart.title)}</b> ${escapeHtml(chart.caption)}</figcaption>`;
  if (drawn.length === 0)
    return `<figure class="chart">${heading}<p class="empty">No steps were recorded.</p></figure>`;

  const lines = drawn.flatMap(({ line }) => line);
  const references = chart.reference === undefined ? [] : [chart.reference.value];
  const all = [...lines, ...references].filter(Number.isFinite);
  const top = Math.max(...all);
  const bottom = Math.min(...all, 0);
  const pad = (top - bottom || 1) * 0.04;
  const firstStep = Math.min(...drawn.map(({ raw }) => raw.steps[0]!));
  const lastStep = Math.max(...drawn.map(({ raw }) => raw.steps.at(-1)!));
  const x = scale(firstStep, Math.max(lastStep, firstStep + 1), margin.left, width - margin.right);
  const y = scale(bottom, top + pad, height - margin.bottom, margin.top);
  const path = (steps: readonly number[], values: readonly number[]) =>
    values
      .map(
        (value, index) =>
          `${index === 0 ? "M" : "L"}${x(steps[index]!).toFixed(1)} ${Math.max(margin.top - 8, y(value)).toFixed(1)}`,
      )
      .join("");

  const grid = ticks(bottom, top + pad, 4)
    .map(
      (tick) =>
        `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/>` +
        `<text class="tick" x="${margin.left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${formatNumber(tick)}</text>`,
    )
    .join("");
  const stepTicks = ticks(firstStep, lastStep, chart.wide === true ? 8 : 3)
    .map(
      (tick) =>
        `<text class="tick" x="${x(tick).toFixed(1)}" y="${height - 8}" text-anchor="middle">${formatNumber(tick)}</text>`,
    )
    .join("");
  const reference =
    chart.reference === undefined
      ? ""
      : `<line class="reference" x1="${margin.left}" x2="${width - margin.right}" y1="${y(chart.reference.value).toFixed(1)}" y2="${y(chart.reference.value).toFixed(1)}"/>` +
        `<text class="tick" x="${margin.left + 6}" y="${(y(chart.reference.value) - 5).toFixed(1)}">${escapeHtml(chart.reference.name)}</text>`;
  const raws = drawn
    .filter((series) => series.smooth === true)
    .map(
      (series) =>
        `<path class="raw colour${series.colour}" d="${path(series.raw.steps, series.raw.values)}"/>`,
    )
    .join("");
  const strong = drawn
    .map((series) => `<path class="line colour${series.colour}" d="${path(series.raw.steps, series.line)}"/>`)
    .join("");
  const ends = spread(
    drawn.map(({ line }) => y(line.at(-1)!)),
    28,
    margin.top + 6,
    height - margin.bottom - 8,
  );
  const labels = drawn
    .map(
      (series, index) =>
        `<text class="label colour${series.colour}" x="${width - margin.right + 8}" y="${ends[index]!.toFixed(1)}">${escapeHtml(series.name)}` +
        `<tspan class="value" x="${width - margin.right + 8}" dy="13">${formatNumber(series.line.at(-1)!)}</tspan></text>`,
    )
    .join("");
  const hover = {
    left: margin.left,
    right: width - margin.right,
    steps: drawn[0]!.raw.steps,
    series: drawn.map((series) => ({
      name: series.name,
      colour: series.colour,
      steps: series.raw.steps,
      values: series.line.map((value) => Number(value.toPrecision(4))),
    })),
  };
  return `<figure class="chart${chart.wide === true ? " wide" : ""}">${heading}
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(chart.title)}" data-hover="${escapeHtml(JSON.stringify(hover))}">
${grid}${stepTicks}${chart.wide === true ? `<text class="tick" x="${width - margin.right + 16}" y="${height - 8}">step</text>` : ""}${reference}${raws}${strong}${labels}
<line class="crosshair" y1="${margin.top}" y2="${height - margin.bottom}" visibility="hidden"/></svg><output class="readout"></output></figure>`;
}

/**
 * Draws how unevenly the words are used: the share of the patches against the share of the words, most frequent first.
 *
 * @param cumulative One entry a percent of the words.
 * @returns An `<svg>`.
 */
export function concentrationSvg(cumulative: readonly number[]): string {
  const size = 200;
  const x = scale(0, 100, 30, size - 8);
  const y = scale(0, 1, size - 24, 8);
  const points = [0, ...cumulative]
    .map((value, index) => `${index === 0 ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
  return `<svg class="concentration" viewBox="0 0 ${size} ${size}" role="img" aria-label="share of the patches that the most frequent words carry">
<path class="even" d="M${x(0)} ${y(0)}L${x(100)} ${y(1)}"/><path class="line colour1" d="${points}"/>
${[0, 0.5, 1].map((tick) => `<text class="tick" x="24" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick * 100}</text>`).join("")}
${[0, 50, 100].map((tick) => `<text class="tick" x="${x(tick).toFixed(1)}" y="${size - 8}" text-anchor="middle">${tick}</text>`).join("")}</svg>`;
}
