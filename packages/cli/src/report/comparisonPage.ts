import { chartHtml } from "./chart.js";
import type { ComparedRow, ComparedRun, ComparisonData } from "./data.js";
import { escapeHtml } from "./escape.js";
import { confusionSection, htmlPage, type Section, warningsHtml } from "./shell.js";

/**
 * Writes several runs side by side as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function comparisonPage(data: ComparisonData): string {
  const { runs } = data;
  const legend = runs.map(
    ({ letter, name, path, colour }) =>
      `<li><b class="colour${colour}">${letter}</b><div>${escapeHtml(name)}<small>${escapeHtml(path)}</small></div></li>`,
  );
  const sections: (Section | null)[] = [
    {
      id: "figures",
      heading: "At the end",
      short: "Figures",
      lead: "The last value of each figure; losses are averaged over the last fiftieth of the steps.",
      body: table(runs, data.figures),
    },
    {
      id: "settings",
      heading: "Settings that differ",
      short: "Settings",
      lead:
        data.settings.length === 0
          ? "None: the runs were started with the same settings."
          : "Every other setting is the same in all runs.",
      body: data.settings.length === 0 ? "" : table(runs, data.settings),
    },
    {
      id: "curves",
      heading: "Curves",
      short: "Curves",
      lead: "Thin lines are single steps, strong lines a moving average. Point at a chart to read it.",
      body: `<div class="charts">${data.charts.map(chartHtml).join("\n")}</div>`,
    },
    data.confusions.length > 0 ? confusionSection(data.confusions) : null,
  ];
  return htmlPage({
    title: data.title,
    header: `<ul class="runs">${legend.join("")}</ul>
${warningsHtml(data.warnings)}`,
    sections: sections.filter((section): section is Section => section !== null),
    written: data.written,
  });
}

function table(runs: readonly ComparedRun[], rows: readonly ComparedRow[]): string {
  const heads = runs.map(
    ({ letter, name, colour }) =>
      `<th scope="col"><b class="colour${colour}">${letter}</b> ${escapeHtml(name)}</th>`,
  );
  const body = rows.map(
    ({ name, values }) =>
      `<tr><th scope="row">${escapeHtml(name)}</th>${values.map((value) => `<td>${value === null ? "–" : escapeHtml(value)}</td>`).join("")}</tr>`,
  );
  return `<div class="card scroll" tabindex="0"><table class="compared"><thead><tr><td></td>${heads.join("")}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}
