import type { ComparedRow, ComparedRun, ComparisonData } from "../data.js";
import { type Html, html } from "../html/html.js";
import { chartFigure } from "./chart.js";
import { confusionSection } from "./confusionSection.js";
import { htmlPage, warningsAbove } from "./shell.js";

/**
 * Writes several runs side by side as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function comparisonPage(data: ComparisonData): string {
  const { runs } = data;
  const legend = runs.map(
    ({ letter, name, path, color }) =>
      html`<li><b class="color${color}">${letter}</b><div>${name}<small>${path}</small></div></li>`,
  );
  const same = data.settings.length === 0;
  return htmlPage({
    title: data.title,
    header: html`<ul class="runs">${legend}</ul>
${warningsAbove(data.warnings)}`,
    sections: [
      {
        id: "figures",
        heading: "Final figures",
        short: "Figures",
        lead:
          "The last value of each figure; those that vary from step to step are averaged over the last 2 % of the " +
          "steps.",
        body: table(runs, data.figures),
      },
      {
        id: "settings",
        heading: "Settings that differ",
        short: "Settings",
        lead: same
          ? "None: the runs have the same settings."
          : "Every other setting is the same in all runs.",
        body: same ? null : table(runs, data.settings),
      },
      {
        id: "curves",
        heading: "Curves",
        short: "Curves",
        lead: "Thin lines are single steps, thick lines a moving average. Hover over a chart to read its values.",
        body: html`<div class="charts">${data.charts.map(chartFigure)}</div>`,
      },
      data.confusions.length > 0 ? confusionSection(data.confusions) : null,
    ],
    written: data.written,
  });
}

function table(runs: readonly ComparedRun[], rows: readonly ComparedRow[]): Html {
  const heads = runs.map(
    ({ letter, name, color }) => html`<th scope="col"><b class="color${color}">${letter}</b> ${name}</th>`,
  );
  const body = rows.map(
    ({ name, values }) =>
      html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td>${value ?? "–"}</td>`)}</tr>
`,
  );
  return html`<div class="card scroll" tabindex="0"><table class="compared">
<thead><tr><td></td>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}
