import type { Chart, Series } from "../figures/curves.js";
import { formatNumber } from "../figures/format.js";
import { dataForScript, type Html, html } from "../html/html.js";
import type { Section } from "./page.js";

/** Units of a drawing across, tenths of a percent: the page stretches it. Down, a unit is a pixel. */
const width = 1000;
/** Pixels above the highest value. */
const margin = 8;
const mostPoints = 500;

/** The linear map from [from, to] onto [start, end], to tenths; a range of one value goes to the middle. */
export function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  if (to === from) return () => (start + end) / 2;
  const factor = (end - start) / (to - from);
  return (value) => Math.round(10 * (start + (value - from) * factor)) / 10;
}

/** Round values (1, 2 or 5 times a power of ten apart) inside a range, rising, about so many. */
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

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The mean of the values around each one, over a window that shrinks at both ends, so that the line does not lag. */
function movingAverage(values: readonly number[]): number[] {
  const reach = Math.min(20, Math.floor(values.length / 30));
  return values.map((_, index) => {
    const half = Math.min(reach, index, values.length - 1 - index);
    return meanOf(values.slice(index - half, index + half + 1));
  });
}

/** A series as it is drawn. */
interface Line extends Series {
  /** What is drawn thin. */
  readonly raw: readonly number[];
}

/** Few points, each the mean of its neighbors, so that pages stay small. What is not finite is left out. */
function lineOf(series: Series): Line {
  const finite = Array.from(series.values.keys()).filter((index) => Number.isFinite(series.values[index]));
  const size = Math.max(1, Math.ceil(finite.length / mostPoints));
  const groups = Array.from({ length: Math.ceil(finite.length / size) }, (_, place) =>
    finite.slice(place * size, (place + 1) * size),
  );
  const raw = groups.map((group) => meanOf(group.map((index) => series.values[index]!)));
  return {
    ...series,
    steps: groups.map((group) => series.steps[group[Math.floor(group.length / 2)]!]!),
    values: series.smooth === true ? movingAverage(raw) : raw,
    raw,
  };
}

/** Moves places apart so that they are `gap` from each other, but not below `high`; their order stays. */
function spread(places: readonly number[], gap: number, high: number): number[] {
  const order = Array.from(places.keys()).sort((a, b) => places[a]! - places[b]!);
  const spread = [...places];
  let least = 0;
  for (const index of order) {
    spread[index] = Math.max(least, places[index]!);
    least = spread[index] + gap;
  }
  const over = Math.max(0, least - gap - high);
  return spread.map((place) => Math.max(0, place - over));
}

/** The color of a slot of the style sheet. */
export function slotColor(slot: number): string {
  return `color:var(--color${slot})`;
}

/** All charts over the steps. */
export function curvesSection(id: string, heading: string, charts: readonly Chart[]): Section {
  const lead =
    "Thin lines are single steps, thick lines a moving average. Hover over a chart to read its values.";
  return { id, heading, lead, body: html`<div class="charts">${charts.map(chartFigure)}</div>` };
}

/** A chart in a card, with its heading and what the page's script reads out of it. */
export function chartFigure(chart: Chart): Html {
  return html`<figure class="card chart${chart.wide === true && " wide"}">
<figcaption><b>${chart.title}</b> ${chart.caption}</figcaption>
${plot(chart) ?? html`<p class="note">No steps were recorded.</p>`}<output class="readout"></output></figure>
`;
}

/**
 * The drawing of a chart: lines in an SVG that the page stretches, a label at the end of each, and its values for the
 * crosshair; null where there is nothing to draw.
 */
function plot({ reference, series, title, unit = "step", wide }: Chart): Html | null {
  const [height, count] = wide === true ? [260, 8] : [180, 4];
  const lines = series.map(lineOf).filter(({ steps }) => steps.length > 0);
  if (lines.length === 0) return null;
  const all = lines.flatMap(({ values }) => values).concat(reference?.value ?? []);
  const [bottom, top] = [Math.min(...all, 0), Math.max(...all)];
  const first = Math.min(...lines.map(({ steps }) => steps[0]!));
  const last = Math.max(...lines.map(({ steps }) => steps.at(-1)!));
  const x = scale(first, last, 0, width);
  const y = scale(bottom, top === bottom ? bottom + 1 : top, height, margin);
  const path = (kind: string, { color, steps }: Line, values: readonly number[]) => {
    const places = values.map((value, at) => `${x(steps[at]!)} ${Math.max(0, y(value))}`);
    // A line of one point is drawn as a dot, by its round cap.
    const [dot, end] = places.length === 1 ? [" dot", "h0"] : ["", ""];
    return html`<path class="${kind}${dot}" style="${slotColor(color)}" d="M${places.join("L")}${end}"/>`;
  };
  const level = (kind: string, value: number) => html`<path class="${kind}" d="M0 ${y(value)}h${width}"/>`;

  const marks = ticks(bottom, top, 4);
  const numbers = marks.map((mark) => html`<span style="top:${y(mark)}px">${formatNumber(mark)}</span>`);
  const steps = ticks(first, last, count).filter(Number.isInteger);
  const across = steps.map(
    (step) => html`<span class="tick" style="left:${x(step) / 10}%">${formatNumber(step)}</span>`,
  );
  const named =
    reference !== undefined &&
    html`<span class="cut" style="bottom:${height - y(reference.value)}px">${reference.name}</span>`;
  const isShort = lines.every(({ name }) => name.length <= 1);
  const ends = lines.map(({ values }) => y(values.at(-1)!));
  const places = spread(ends, Math.min(isShort ? 16 : 32, height / lines.length), height);
  const labels = lines.map(({ color, name, values }, index) => {
    const style = `${slotColor(color)};top:${places[index]!}px`;
    return html`<span class="label cut" title="${name}" style="${style}">
<b>${name}</b>${isShort ? " " : html`<br>`}${formatNumber(values.at(-1)!)}</span>`;
  });
  const summary = lines.map(({ name, values }) =>
    `${name} from ${formatNumber(values[0]!)} to ${formatNumber(values.at(-1)!)}`.trim(),
  );
  const read = lines.map(({ name, steps, values }) => ({
    ...{ name, steps },
    values: values.map((value) => Number(value.toPrecision(4))),
  }));
  return html`<div class="plot"><div class="levels">${numbers}</div>
<div class="area"><svg viewBox="0 0 ${width} ${height}" style="height:${height}px" preserveAspectRatio="none"
role="img" aria-label="${title}: ${summary.join("; ")}">
${marks.map((mark) => level("grid", mark))}${reference !== undefined && level("reference", reference.value)}
${lines.map((line) => line.smooth === true && path("raw", line, line.raw))}
${lines.map((line) => path("line", line, line.values))}
<path class="crosshair" d="M0 0v${height}" visibility="hidden"/></svg>${dataForScript({ unit, series: read })}
${named}${across}</div><div class="labels">${labels}</div></div>
`;
}
