import type { Chart, ExplainedSetting, ReportData } from "../data.js";
import { html } from "../html/html.js";
import { chartFigure } from "./chart.js";
import { confusionSection } from "./confusionSection.js";
import { mapSection } from "./mapSection.js";
import { attentionSection, methodSection, neighborsSection } from "./pictureSections.js";
import type { Section } from "./section.js";
import { htmlPage, warningsAbove } from "./shell.js";
import { wordsSection } from "./wordsSection.js";

/**
 * Writes the report of a run as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function reportPage(data: ReportData): string {
  const facts = data.facts.map(
    ({ label, value, note }) =>
      html`<div><dt>${label}</dt><dd>${value}${note !== undefined && html`<small>${note}</small>`}</dd></div>`,
  );
  return htmlPage({
    title: data.title,
    header: html`<p>${data.summary}</p>
${warningsAbove(data.warnings)}<dl class="facts">${facts}</dl>`,
    sections: [
      trainingSection(data.charts),
      data.method !== null ? methodSection(data.method) : null,
      data.attention.length > 0 ? attentionSection(data.attention) : null,
      data.map !== null ? mapSection(data.map, data.withLabels) : null,
      data.neighbors.length > 0 ? neighborsSection(data.neighbors, data.withLabels) : null,
      data.confusions.length > 0 ? confusionSection(data.confusions) : null,
      data.tokens !== null ? wordsSection(data.tokens) : null,
      configurationSection(data.configuration),
      data.skipped.length > 0 ? skippedSection(data.skipped) : null,
    ],
    written: data.written,
  });
}

function trainingSection(charts: readonly Chart[]): Section {
  return {
    id: "training",
    heading: "Training",
    short: "Training",
    lead: "Thin lines are single steps, thick lines a moving average. Hover over a chart to read its values.",
    body: html`<div class="charts">${charts.map(chartFigure)}</div>`,
  };
}

function configurationSection(configuration: readonly ExplainedSetting[]): Section {
  const rows = configuration.map(
    ({ name, value, reason }) =>
      html`<tr><th scope="row">${name}</th><td>${value}</td><td>${reason}</td></tr>`,
  );
  return {
    id: "configuration",
    heading: "Configuration",
    short: "Configuration",
    lead: "Every setting, and the reason for its value.",
    body: html`<div class="card"><table class="settings">${rows}</table></div>`,
  };
}

function skippedSection(skipped: ReportData["skipped"]): Section {
  const rows = skipped.map(
    ({ path, reason }) => html`<tr><th scope="row"><code>${path}</code></th><td>${reason}</td></tr>`,
  );
  const lead =
    skipped.length === 1
      ? "One picture could not be read; the next readable one took its place."
      : `${skipped.length.toLocaleString("en")} pictures could not be read; the next readable ones took their places.`;
  return {
    id: "skipped",
    heading: "Skipped pictures",
    short: "Skipped",
    lead,
    body: html`<div class="card"><details><summary>Show the list</summary>
<table class="settings">${rows}</table></details></div>`,
  };
}
