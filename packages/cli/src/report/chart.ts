import type { Chart, Series } from "./data.js";
import { escapeHtml } from "./escape.js";
import { formatNumber } from "./format.js";

/** Sizes at which the page shows a chart, so that its text is drawn at its own size, and how many points a line has at most. */
const sizes = {
  wide: { width: 1040, height: 300, points: 600 },
  small: { width: 330, height: 210, points: 240 },
};
type Size = keyof typeof sizes;
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

/** The mean of the values around each one, over a window that shrinks at both ends, so that the line does not lag. */
function movingAverage(values: readonly number[]): number[] {
  const reach = Math.min(20, Math.floor(values.length / 30));
  return values.map((_, index) => {
    const half = Math.min(reach, index, values.length - 1 - index);
    const window = values.slice(index - half, index + half + 1);
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

/** At most `most` points, each the mean of its neighbours, so that a long run stays a small page. What is not finite is left out. */
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
 * Draws a chart as inline SVG: hairline grid, a line a series, each named at its end. The page's script adds a crosshair. A wide chart is drawn a second time for narrow screens.
 *
 * @param chart The chart.
 * @returns A `<figure>`.
 */
export function chartHtml(chart: Chart): string {
  const heading = `<figcaption><b>${escapeHtml(chart.title)}</b> ${escapeHtml(chart.caption)}</figcaption>`;
  const wide = chart.wide === true;
  const small = chartSvg(chart, "small");
  const drawing =
    small === null
      ? `<p class="empty">No steps were recorded.</p>`
      : `${wide ? `<div class="wide-screen">${chartSvg(chart, "wide")}</div><div class="narrow-screen">${small}</div>` : small}<output class="readout"></output>`;
  return `<figure class="chart${wide ? " wide" : ""}">${heading}
${drawing}</figure>`;
}

/** The drawing of a chart; null where there is nothing to draw. */
function chartSvg(chart: Chart, size: Size): string | null {
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
  const lastStep = Math.max(...drawn.map(({ raw }) => raw.steps.at(-1)!), firstStep + 1);
  const x = scale(firstStep, lastStep, margin.left, width - margin.right);
  const y = scale(bottom, top + pad, height - margin.bottom, margin.top);
  const path = (steps: readonly number[], values: readonly number[]) => {
    const places = values.map(
      (value, index) => `${x(steps[index]!).toFixed(1)} ${Math.max(margin.top - 8, y(value)).toFixed(1)}`,
    );
    // A line of one point is drawn as a dot, by its round cap.
    return `M${places.join("L")}${places.length === 1 ? "h0" : ""}`;
  };

  const grid = ticks(bottom, top + pad, 4)
    .map(
      (tick) =>
        `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/>` +
        `<text class="tick" x="${margin.left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${formatNumber(tick)}</text>`,
    )
    .join("");
  const stepTicks = ticks(firstStep, lastStep, size === "wide" ? 8 : 4)
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
    .map(({ colour, raw }) => `<path class="raw colour${colour}" d="${path(raw.steps, raw.values)}"/>`)
    .join("");
  const strong = drawn
    .map(({ colour, raw, line }) => `<path class="line colour${colour}" d="${path(raw.steps, line)}"/>`)
    .join("");
  const unit =
    size === "wide"
      ? `<text class="tick" x="${width - margin.right + 16}" y="${height - 8}">step</text>`
      : "";
  const hover = {
    left: margin.left,
    right: width - margin.right,
    first: firstStep,
    last: lastStep,
    series: drawn.map(({ name, raw, line }) => ({
      name,
      steps: raw.steps,
      values: line.map((value) => Number(value.toPrecision(4))),
    })),
  };
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(chartSummary(chart, drawn))}" data-hover="${escapeHtml(JSON.stringify(hover))}">
${grid}${stepTicks}${unit}${reference}${raws}${strong}${endLabels(drawn, y, width, height)}
<line class="crosshair" y1="${margin.top}" y2="${height - margin.bottom}" visibility="hidden"/></svg>`;
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
): string {
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
  return drawn
    .map(({ name, colour, line }, index) => {
      const value = formatNumber(line.at(-1)!);
      const place = short ? "" : ` x="${x}" dy="13"`;
      return `<text class="label colour${colour}" x="${x}" y="${ends[index]!.toFixed(1)}">${escapeHtml(name)}${short && name !== "" ? " " : ""}<tspan class="value"${place}>${value}</tspan></text>`;
    })
    .join("");
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
