import { type Html, html } from "../html/html.js";
import { scale, slotColor, ticks } from "./chart.js";

/** Width in units of the drawing, which the page stretches. */
const width = 1000;
/** Height of a row in pixels. */
const rowHeight = 34;

/** A row of an interval chart. */
export interface IntervalRow {
  readonly label: string;
  /** The text at its right end. */
  readonly text: string;
  /** The single values; empty: nothing is drawn. */
  readonly values: readonly number[];
  readonly mean: number | null;
  readonly standardDeviation: number | null;
}

/**
 * Rows of dots, one for each value, with their mean and standard deviation as a bar: shows the differences between rows
 * beside the spread within each.
 *
 * @param reference Position of a dashed line through all rows; null: none.
 */
export function intervalChart(chart: {
  readonly title: string;
  readonly caption: string;
  readonly rows: readonly IntervalRow[];
  readonly reference: number | null;
}): Html {
  const { caption, reference, rows, title } = chart;
  const ends = rows.flatMap(({ mean, standardDeviation, values }) => [
    ...values,
    ...(mean === null ? [] : [mean - (standardDeviation ?? 0), mean + (standardDeviation ?? 0)]),
  ]);
  const figure = (body: Html) => html`<figure class="card chart wide">
<figcaption><b>${title}</b> ${caption}</figcaption>
${body}</figure>
`;
  if (ends.length === 0) return figure(html`<p class="note">Nothing was measured yet.</p>`);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = 0.06 * (high - low) || 1;
  const [from, to] = [low - margin, high + margin];
  const height = rowHeight * rows.length;
  const x = scale(from, to, 0, width);
  const middle = (row: number) => rowHeight * (row + 0.5);
  const marks = ticks(from, to, 6);
  const drawn = rows.map(({ mean, standardDeviation, values }, row) => {
    const y = middle(row);
    const dots = values.map((value) => html`<path class="line dot raw" d="M${x(value)} ${y}h0"/>`);
    if (mean === null) return dots;
    const spread = standardDeviation ?? 0;
    return html`${dots}<path class="line" d="M${x(mean - spread)} ${y}H${x(mean + spread)}"/>
<path class="line" d="M${x(mean)} ${y - 8}v16"/>`;
  });
  const at = (row: number) => `top:${middle(row)}px`;
  const names = rows.map(({ label }, row) => html`<span title="${label}" style="${at(row)}">${label}</span>`);
  const told = rows.map(({ label, text }) => `${label} ${text}`).join("; ");
  return figure(html`<div class="plot intervals">
<div class="levels">${names}</div>
<div class="area"><svg viewBox="0 0 ${width} ${height}" style="height:${height}px" preserveAspectRatio="none"
role="img" aria-label="${title}: ${told}">
${marks.map((mark) => html`<path class="grid" d="M${x(mark)} 0v${height}"/>`)}
${reference !== null && html`<path class="reference" d="M${x(reference)} 0v${height}"/>`}
<g style="${slotColor(1)}">${drawn}</g></svg>
${marks.map((mark) => html`<span class="tick" style="left:${x(mark) / 10}%">${mark} %</span>`)}</div>
<div class="labels">${rows.map(({ text }, row) => html`<span style="${at(row)}">${text}</span>`)}</div></div>
`);
}
