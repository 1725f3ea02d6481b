import { chartHtml, concentrationSvg } from "./chart.js";
import type { MapView, ReportData, TokenView } from "./data.js";
import { escapeHtml } from "./escape.js";
import { percent } from "./format.js";
import { mapHtml } from "./mapSection.js";
import { attentionSection, neighboursSection, predictionsSection } from "./pictureSections.js";
import { confusionSection, htmlPage, type Section, warningsHtml } from "./shell.js";

/**
 * Writes the report of a run as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function reportPage(data: ReportData): string {
  const facts = data.facts.map(
    (fact) =>
      `<div><dt>${escapeHtml(fact.label)}</dt><dd>${escapeHtml(fact.value)}${fact.note === undefined ? "" : `<small>${escapeHtml(fact.note)}</small>`}</dd></div>`,
  );
  const sections = [
    chartsSection(data),
    data.pictures.length > 0 ? predictionsSection(data.pictures, data.wordsNote) : null,
    data.attention.length > 0 ? attentionSection(data.attention) : null,
    data.map !== null ? mapSection(data.map, data.withLabels) : null,
    data.neighbours.length > 0 ? neighboursSection(data.neighbours, data.withLabels) : null,
    data.confusions.length > 0 ? confusionSection(data.confusions) : null,
    data.tokens !== null ? tokensSection(data.tokens) : null,
    configurationSection(data),
    data.skipped.length > 0 ? skippedSection(data) : null,
  ];
  return htmlPage({
    title: data.title,
    header: `<p>${escapeHtml(data.summary)}</p>
${warningsHtml(data.warnings)}<dl class="facts">${facts.join("")}</dl>`,
    sections: sections.filter((section): section is Section => section !== null),
    written: data.written,
  });
}

function chartsSection({ charts }: ReportData): Section {
  return {
    id: "training",
    heading: "Training",
    short: "Training",
    lead: "Thin lines are single steps, strong lines a moving average. Point at a chart to read it.",
    body: `<div class="charts">${charts.map(chartHtml).join("\n")}</div>`,
  };
}

function mapSection(map: MapView, withLabels: boolean): Section {
  const pictures = map.names.length.toLocaleString("en");
  const seen = withLabels ? "" : ", which the encoder never saw";
  return {
    id: "map",
    heading: "Map of the embeddings",
    short: "Map",
    lead: `${pictures} pictures, each where its embedding lies. ${map.classes.length > 1 ? `The colours are the classes${seen}. ` : ""}Point at one to see it; zoom with the buttons, a double click or Ctrl and the wheel, then drag.`,
    body: mapHtml(map),
  };
}

function tokensSection(tokens: TokenView): Section {
  const most = Math.log2(tokens.vocabulary);
  return {
    id: "words",
    heading: "Visual words",
    short: "Words",
    lead: "What the tokenizer makes of the pictures. Few used words make the task easy and the encoder poor; words that nothing receives cost time and teach nothing.",
    body: `<div class="card two"><div>${concentrationSvg(tokens.cumulative)}</div><dl class="list">
<dt>Words</dt><dd>${tokens.vocabulary.toLocaleString("en")}</dd>
<dt>Patches counted</dt><dd>${tokens.patches.toLocaleString("en")}</dd>
<dt>Entropy</dt><dd>${tokens.entropy.toFixed(2)} of ${most.toFixed(2)} bits: as many as ${Math.round(2 ** tokens.entropy).toLocaleString("en")} words used evenly</dd>
<dt>Dead words</dt><dd>${tokens.dead.toLocaleString("en")} (${percent(tokens.dead / tokens.vocabulary)}) received no patch</dd>
<dt>Curve</dt><dd>the share of the patches (up, in percent) that the most frequent words (across, in percent) carry; the straight line is even use</dd>
</dl></div>`,
  };
}

function configurationSection({ configuration }: ReportData): Section {
  const rows = configuration.map(
    (row) =>
      `<tr><th scope="row">${escapeHtml(row.name)}</th><td>${escapeHtml(row.value)}</td><td>${escapeHtml(row.reason)}</td></tr>`,
  );
  return {
    id: "configuration",
    heading: "Configuration",
    short: "Configuration",
    lead: "Every setting, and why it is what it is.",
    body: `<div class="card"><table class="settings">${rows.join("")}</table></div>`,
  };
}

function skippedSection({ skipped }: ReportData): Section {
  const rows = skipped.map(
    (row) =>
      `<tr><th scope="row"><code>${escapeHtml(row.path)}</code></th><td>${escapeHtml(row.reason)}</td></tr>`,
  );
  return {
    id: "skipped",
    heading: "Skipped pictures",
    short: "Skipped",
    lead: `${skipped.length.toLocaleString("en")} could not be read; each was replaced by the next good one.`,
    body: `<div class="card"><details><summary>Show them</summary><table class="settings">${rows.join("")}</table></details></div>`,
  };
}
