import type { Chart } from "../figures/curves.js";
import { formatDuration, percentagePoints } from "../figures/format.js";
import { differenceText, pValueText, readingNote, valueText } from "../figures/studyText.js";
import { type Html, html } from "../html/html.js";
import type { StudyFigure, StudyResultRow, StudyResults, StudyValue } from "../studyData.js";
import { chartFigure } from "./chart.js";
import { intervalChart } from "./intervalChart.js";
import { type Section, sectionedPage } from "./page.js";

/** As many lines as there are colors to tell them apart. */
const mostLines = 10;

/**
 * Writes the results of a study as one HTML page, without any file or network besides it.
 *
 * @param results What came of the study.
 * @param written When the page was written, for people.
 */
export function studyPage(results: StudyResults, written: string): string {
  const { failures, figures, seconds, seeds, steps, title, warnings } = results;
  const evaluations = [...new Set(figures.map(({ evaluation }) => evaluation))];
  const fact = (name: string, value: string, note: string) =>
    html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
  return sectionedPage({
    title,
    warnings: [
      ...(steps.done < steps.all ? [`${steps.done} of ${steps.all} steps are done so far`] : []),
      ...failures.map(({ message, step }) => `${step} failed: ${message}`),
      ...warnings,
    ].map((text) => text.replace(/\.$/, "")),
    header: html`${readingNote(results).map((text) => html`<p class="lead">${text}</p>`)}
<dl class="facts">${fact("Rows", String(results.rows.length), `compared with ${results.baseline}`)}
${fact("Seeds", String(seeds.length), seeds.join(", "))}
${fact("Steps", String(steps.done), `of ${steps.all}: pre-training runs and evaluations`)}
${fact("Time", formatDuration(seconds), "of all steps together")}</dl>`,
    sections: [
      {
        id: "table",
        heading: "Results",
        lead: "Mean ± standard deviation over the seeds, in percent.",
        body: summaryTable(results),
      },
      ...evaluations.map((evaluation, place) => evaluationSection(evaluation, place, results)),
      {
        id: "cells",
        heading: "Every seed",
        short: "Seeds",
        lead: "Accuracy in percent, in the order of the seeds; a dash where it is not measured.",
        body: seedTable(results),
      },
    ],
    command: "study",
    written,
  });
}

function table(heads: readonly string[], rows: readonly (readonly [string, ...string[]])[]): Html {
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  );
  const head = heads.map((name) => html`<th scope="col">${name}</th>`);
  return html`<div class="card scroll" tabindex="0"><table>
<thead><tr><td></td>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function summaryTable({ figures, rows }: StudyResults): Html {
  return table(
    figures.map(({ name }) => name),
    rows.map(({ label, values }) => [label, ...values.map(valueText)]),
  );
}

function seedTable({ figures, rows, seeds }: StudyResults): Html {
  const accuraciesOf = (value: StudyValue | null) => {
    if (value === null) return "–";
    const inOrder = seeds.map((seed) => value.accuracies.find((each) => each.seed === seed)?.accuracy);
    return inOrder.map((each) => (each === undefined ? "–" : percentagePoints(each))).join(", ");
  };
  return table(
    figures.map(({ name }) => name),
    rows.map(({ label, values }) => [label, ...values.map(accuraciesOf)]),
  );
}

/** One evaluation: its rows drawn, and compared with the baseline. */
function evaluationSection(evaluation: string, place: number, results: StudyResults): Section {
  const { figures } = results;
  const own = figures.flatMap((figure, index) =>
    figure.evaluation === evaluation ? [{ figure, index }] : [],
  );
  // Of several layers, the chart of rows and seeds shows the last.
  const dots = own.at(-1)!;
  const charts = [...layerChart(evaluation, own, results), ...axisCharts(dots.index, results)];
  return {
    id: `evaluation-${place + 1}`,
    heading: evaluation,
    lead: `On ${dots.figure.test.toLocaleString("en")} test pictures.`,
    body: html`<div class="charts">${rowsChart(dots, results)}${charts.map(chartFigure)}</div>
<h3>Compared with ${results.baseline}</h3>
${comparisonTable(own, results)}`,
  };
}

interface PlacedFigure {
  readonly figure: StudyFigure;
  /** Its place among all figures. */
  readonly index: number;
}

function rowsChart({ figure, index }: PlacedFigure, { baseline, rows }: StudyResults): Html {
  const shown = rows.filter(({ values }) => values[index] !== null);
  const percents = (value: number | null | undefined) => (value == null ? null : 100 * value);
  return intervalChart({
    title: figure.layer === null ? "By row" : figure.name,
    caption:
      "Each dot is a seed, the bar mean ± standard deviation, the dashed line the baseline's mean. The axis does not " +
      "start at 0.",
    rows: shown.map(({ label, values }) => {
      const value = values[index]!;
      return {
        ...{ label, text: valueText(value) },
        values: value.accuracies.map(({ accuracy }) => 100 * accuracy),
        mean: percents(value.mean),
        standardDeviation: percents(value.standardDeviation),
      };
    }),
    reference: percents(rows.find(({ label }) => label === baseline)?.values[index]?.mean),
  });
}

/** Accuracy over the layers, a line a row. */
function layerChart(evaluation: string, own: readonly PlacedFigure[], { rows }: StudyResults): Chart[] {
  if (own.length < 2) return [];
  const series = rows.slice(0, mostLines).map(({ label, values }, row) => {
    const points = own.flatMap(({ figure, index }) => {
      const mean = values[index]?.mean;
      return mean == null ? [] : [[figure.layer!, 100 * mean] as const];
    });
    return {
      ...{ name: label, color: row + 1 },
      steps: points.map(([layer]) => layer),
      values: points.map(([, mean]) => mean),
    };
  });
  const caption = "Mean over the seeds in percent, by block.";
  return [{ title: `${evaluation} by layer`, caption, series, unit: "layer", wide: true }];
}

/** A figure over each numeric axis, with a line for each combination of values on the others. */
function axisCharts(index: number, { baseline, figures, rows }: StudyResults): Chart[] {
  const axes = new Set(
    rows.flatMap(({ places }) => places.flatMap(({ at, axis }) => (at === null ? [] : [axis]))),
  );
  const level = rows.find(({ label }) => label === baseline);
  return [...axes].flatMap((axis) => {
    const lines = new Map<string, [at: number, mean: number][]>();
    for (const { places, values } of rows) {
      const at = places.find((place) => place.axis === axis)?.at;
      const mean = values[index]?.mean;
      if (at == null || mean == null) continue;
      const others = places.filter((place) => place.axis !== axis).map(({ label }) => label);
      const name = others.join(", ");
      lines.set(name, [...(lines.get(name) ?? []), [at, 100 * mean]]);
    }
    const drawn = [...lines].filter(([, points]) => points.length > 1).slice(0, mostLines);
    if (drawn.length === 0) return [];
    const isOnAxis = level?.places.some((place) => place.axis === axis && place.at !== null);
    const value = isOnAxis ? null : (level?.values[index]?.mean ?? null);
    const dashed = value === null ? "" : ` The dashed line is ${baseline}.`;
    const chart: Chart = {
      title: `${figures[index]!.name} by ${axis}`,
      caption: `Mean over the seeds in percent, over ${axis}.${dashed}`,
      series: drawn.map(([name, points], place) => {
        const sorted = points.sort(([a], [b]) => a - b);
        return {
          ...{ name, color: place + 1 },
          steps: sorted.map(([at]) => at),
          values: sorted.map(([, mean]) => mean),
        };
      }),
      ...{ unit: axis, wide: true },
      ...(value === null ? {} : { reference: { name: baseline, value: 100 * value } }),
    };
    return [chart];
  });
}

function comparisonTable(own: readonly PlacedFigure[], { rows }: StudyResults): Html {
  const lines = own.flatMap(({ figure, index }) =>
    rows.flatMap(({ label, values }: StudyResultRow) => {
      const comparison = values[index]?.comparison;
      if (comparison == null) return [];
      const name = figure.layer === null ? label : `${label}, layer ${figure.layer}`;
      const { pValue, seeds, verdict } = comparison;
      return [[name, differenceText(comparison), pValueText(pValue), String(seeds), verdict] as const];
    }),
  );
  if (lines.length === 0) return html`<p class="note">There is nothing to compare yet.</p>`;
  return table(["difference in points (95 %)", "p-value", "paired seeds", ""], lines);
}
