import type { RecordedRun } from "../data.js";
import { type Chart, curvesOf, lastMean } from "../figures/curves.js";
import { tally, trainingTime } from "../figures/facts.js";
import { formatDuration, formatNumber } from "../figures/format.js";
import { html } from "../html/html.js";
import { curvesSection, slotColor } from "./chart.js";
import { confusionSection } from "./confusionSection.js";
import { sectionedPage } from "./page.js";

/** More runs than colors cannot be told apart. */
export const mostCompared = 10;

/**
 * Writes several runs side by side as one HTML page, without any file or network besides it: their last figures, the
 * settings that differ, and their curves in the same charts.
 *
 * @param recorded Two to `mostCompared` runs.
 * @param written When the page was written, for people.
 * @returns The page.
 */
export function comparisonPage(recorded: readonly RecordedRun[], written: string): string {
  const runs = recorded.map((run, place) => ({
    ...run,
    curves: new Map(curvesOf(run).map((curve) => [curve.key, curve])),
    settings: settingsOf(run.config),
    letter: String.fromCharCode(65 + place),
    color: place + 1,
  }));
  const letters = runs.map(({ color, letter }) => html`<b style="${slotColor(color)}">${letter}</b>`);
  const legend = runs.map(
    ({ name, path }, place) =>
      html`<div class="card">${letters[place]!} ${name}<br><small>${path}</small></div>`,
  );
  const heads = runs.map(({ name }, place) => html`<th scope="col">${letters[place]!} ${name}</th>`);
  /** A row of a table with a column a run; null where a run has no such thing. */
  const row = (name: string, find: (run: (typeof runs)[number]) => string | null) => ({
    name,
    values: runs.map(find),
  });
  const table = (rows: readonly ReturnType<typeof row>[]) => {
    const body = rows.map(
      ({ name, values }) =>
        html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td>${value ?? "–"}</td>`)}</tr>`,
    );
    return html`<div class="card scroll" tabindex="0"><table>
<thead><tr><td></td>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
  };

  const curves = runs.flatMap(({ curves }) => [...curves.values()]);
  const shown = curves.filter(({ key }, place) => curves.findIndex((other) => other.key === key) === place);
  const figures = [
    row("Accuracy", ({ confusion }) => confusion && tally(confusion).accuracy),
    row("Steps", ({ metrics }) => (metrics.at(-1)?.step ?? 0).toLocaleString("en")),
    row("Time", ({ metrics }) => (metrics.length > 1 ? formatDuration(trainingTime(metrics)) : null)),
    ...shown.map(({ key, title }) =>
      row(title, ({ curves }) => {
        const curve = curves.get(key);
        if (curve === undefined) return null;
        return formatNumber(curve.smooth ? lastMean(curve) : curve.values.at(-1)!);
      }),
    ),
  ];
  const names = new Set(runs.flatMap(({ settings }) => [...settings.keys()]));
  const settings = [...names].map((name) => row(name, ({ settings }) => settings.get(name) ?? null));
  const differing = settings.filter(({ values }) => new Set(values).size > 1);
  const charts = shown.map(
    ({ caption, key, title }): Chart => ({
      title,
      caption: key === "loss/total" ? "The training loss." : caption,
      wide: key === "loss/total",
      series: runs.flatMap(({ color, curves, letter }) => {
        const curve = curves.get(key);
        return curve === undefined ? [] : [{ ...curve, name: letter, color }];
      }),
    }),
  );
  return sectionedPage({
    title: `${runs.length} runs side by side`,
    warnings: runs.flatMap(({ letter, name, warnings }) =>
      warnings.map((text) => `${letter} ${name}: ${text}`),
    ),
    header: html`<div class="charts">${legend}</div>`,
    sections: [
      {
        id: "figures",
        heading: "Final figures",
        short: "Figures",
        lead:
          "The last value of each figure; those that vary from step to step are averaged over the last 2 % of the " +
          "steps.",
        body: table(figures.filter(({ values }) => values.some((value) => value !== null))),
      },
      {
        id: "settings",
        heading: "Settings that differ",
        short: "Settings",
        lead:
          differing.length === 0
            ? "None: the runs have the same settings."
            : "Every other setting is the same in all runs.",
        body: differing.length === 0 ? null : table(differing),
      },
      curvesSection("curves", "Curves", charts),
      confusionSection(
        runs.flatMap(({ confusion, letter, name }) =>
          confusion === null ? [] : [{ ...confusion, title: `${letter} ${name}` }],
        ),
      ),
    ],
    command: "report",
    written,
  });
}

/** What of `config.json` is no setting: its layout, digests, and decisions that repeat the settings in words. */
const noSettings = new Set(["format", "choices", "given", "identity", "monitorIdentities"]);

/** The settings in a run's `config.json`, flat: nested names are joined by dots, but for the outermost `config`. */
function settingsOf(config: unknown): Map<string, string> {
  const settings = new Map<string, string>();
  const add = (path: string, value: unknown) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      settings.set(path, textOf(value));
      return;
    }
    for (const [key, inner] of Object.entries(value))
      if (!noSettings.has(key)) add(path === "" ? (key === "config" ? "" : key) : `${path}.${key}`, inner);
  };
  if (config !== null && typeof config === "object") add("", config);
  return settings;
}

/** A value as people read it: no quotation marks, six digits of what is no whole number. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null) return "none";
  if (typeof value === "number")
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return Array.isArray(value) ? value.map(textOf).join(", ") : JSON.stringify(value);
}
