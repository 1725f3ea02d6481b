import type { ReportData, TokenView } from "../data.js";
import { type Chart, chartsOf, curvesOf } from "../figures/curves.js";
import { factsOf } from "../figures/facts.js";
import { percent } from "../figures/format.js";
import { type Html, html } from "../html/html.js";
import { chartFigure, curvesSection } from "./chart.js";
import { confusionSection } from "./confusionSection.js";
import { mapSection } from "./mapSection.js";
import { type Section, sectionedPage } from "./page.js";
import { pictureRows } from "./pictureRows.js";

/**
 * Writes the report of a run as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function reportPage(data: ReportData): string {
  const { attention, configuration, map, method, neighbors, run, skipped, tokens, withLabels } = data;
  const curves = curvesOf(run);
  const charts = chartsOf(curves, data.guessing, data.clip ?? 0);
  const settings = configuration.map(({ name, value, reason }) => tableRow([name, value, reason]));
  return sectionedPage({
    title: run.name,
    warnings: run.warnings,
    header: html`<p class="lead">${data.summary}</p>
${factsOf(data, curves)}`,
    sections: [
      curvesSection("training", "Training", charts),
      method && {
        id: "method",
        heading: method.title,
        short: "Method",
        lead: method.lead,
        body: html`${pictureRows(method.pictures)}<p class="note">${method.note}</p>`,
      },
      attention.length > 0 && {
        id: "attention",
        heading: "Attention",
        lead:
          "Rollout: how much each patch contributes to the embedding, followed through all layers. Heads: how " +
          "much attention each patch receives in the last layer, on average over the patches that attend. " +
          "Bright is much; each map has its own scale.",
        body: pictureRows(attention),
      },
      map && mapSection(map, withLabels),
      neighbors.length > 0 && {
        id: "neighbors",
        heading: "Nearest neighbors",
        short: "Neighbors",
        lead:
          "For each picture on the left, those whose embeddings have the highest cosine similarity." +
          (withLabels ? "" : " The encoder was trained without labels."),
        body: pictureRows(neighbors),
      },
      confusionSection([run.confusion, ...data.confusions].filter((view) => view !== null)),
      tokens && wordsSection(tokens),
      {
        id: "configuration",
        heading: "Configuration",
        lead: "Every setting, and the reason for its value.",
        body: html`<div class="card"><table class="settings">${settings}</table></div>`,
      },
      skipped.length > 0 && skippedSection(skipped),
    ],
    command: "report",
    written: data.written,
  });
}

/** How the tokenizer uses its vocabulary. */
function wordsSection({ vocabulary, patches, entropy, dead, cumulative }: TokenView): Section {
  const most = Math.log2(vocabulary).toFixed(2);
  const even = Math.round(2 ** entropy).toLocaleString("en");
  const shares = [0, ...cumulative].map((share) => 100 * share);
  const chart: Chart = {
    title: "Share of all patches",
    caption: "In percent, for the most frequent words; the straight line would be equal use.",
    unit: "% of the words",
    series: [
      { name: "equal use", color: 0, steps: [0, 100], values: [0, 100] },
      { name: "in use", color: 1, steps: Array.from(shares.keys()), values: shares },
    ],
  };
  const rows = [
    ["Vocabulary", `${vocabulary.toLocaleString("en")} words`],
    ["Patches counted", patches.toLocaleString("en")],
    ["Entropy", `${entropy.toFixed(2)} of at most ${most} bits: as much as ${even} equally frequent words`],
    ["Unused words", `${dead.toLocaleString("en")} (${percent(dead / vocabulary)}) occur in no patch`],
  ].map(tableRow);
  return {
    id: "words",
    heading: "Visual words",
    short: "Words",
    lead:
      "How the tokenizer uses its vocabulary on these pictures. With few words in use the task is easy and the " +
      "encoder learns little; unused words only cost time.",
    body: html`<div class="charts">${chartFigure(chart)}<div class="card"><table>${rows}</table></div></div>`,
  };
}

/** A row of a table: what it is about, and what is told of it. */
function tableRow([name, ...texts]: readonly (string | Html)[]): Html {
  return html`<tr><th scope="row">${name!}</th>${texts.map((text) => html`<td>${text}</td>`)}</tr>`;
}

function skippedSection(skipped: ReportData["skipped"]): Section {
  const rows = skipped.map(({ path, reason }) => tableRow([html`<code>${path}</code>`, reason]));
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
