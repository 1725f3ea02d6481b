import type { ReportData, TokenView } from "../data.js";
import { chartsOf, curvesOf } from "../figures/curves.js";
import { factsOf } from "../figures/facts.js";
import { percent } from "../figures/format.js";
import { type Html, html } from "../html/html.js";
import { chartFigure, plot } from "./chart.js";
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
  const facts = factsOf(data, curves).map(
    ({ label, value, note }) =>
      html`<div><dt>${label}</dt><dd>${value}${note !== undefined && html`<small>${note}</small>`}</dd></div>`,
  );
  const settings = configuration.map(
    ({ name, value, reason }) =>
      html`<tr><th scope="row">${name}</th><td>${value}</td><td>${reason}</td></tr>`,
  );
  return sectionedPage({
    title: run.name,
    warnings: run.warnings,
    header: html`<p class="lead">${data.summary}</p>
<dl class="facts">${facts}</dl>`,
    sections: [
      {
        id: "training",
        heading: "Training",
        short: "Training",
        lead: "Thin lines are single steps, thick lines a moving average. Hover over a chart to read its values.",
        body: html`<div class="charts">${charts.map(chartFigure)}</div>`,
      },
      method && {
        id: "method",
        heading: method.title,
        short: "Method",
        lead: method.lead,
        body: html`${pictureRows(method.pictures)}<p class="note">${method.note}</p>`,
      },
      attention.length === 0
        ? null
        : {
            id: "attention",
            heading: "Attention",
            short: "Attention",
            lead:
              "Rollout: how much each patch contributes to the embedding, followed through all layers. Heads: how " +
              "much attention each patch receives in the last layer, on average over the patches that attend. " +
              "Bright is much; each map has its own scale.",
            body: pictureRows(attention),
          },
      map && mapSection(map, withLabels),
      neighbors.length === 0
        ? null
        : {
            id: "neighbors",
            heading: "Nearest neighbors",
            short: "Neighbors",
            lead:
              "For each picture on the left, those whose embeddings have the highest cosine similarity." +
              (withLabels ? "" : " The encoder was trained without labels."),
            body: pictureRows(neighbors),
          },
      confusionSection([...(run.confusion === null ? [] : [run.confusion]), ...data.confusions]),
      tokens && wordsSection(tokens),
      {
        id: "configuration",
        heading: "Configuration",
        short: "Configuration",
        lead: "Every setting, and the reason for its value.",
        body: html`<div class="card"><table class="settings">${settings}</table></div>`,
      },
      skipped.length === 0 ? null : skippedSection(skipped),
    ],
    written: data.written,
  });
}

/** How the tokenizer uses its vocabulary. */
function wordsSection({ vocabulary, patches, entropy, dead, cumulative }: TokenView): Section {
  const most = Math.log2(vocabulary).toFixed(2);
  const even = Math.round(2 ** entropy).toLocaleString("en");
  const shares = [0, ...cumulative].map((share) => 100 * share);
  const curve = plot({
    title: "cumulative share of the patches, over the words from the most frequent on, in percent",
    caption: "",
    series: [
      { name: "equal use", color: 0, steps: [0, 100], values: [0, 100] },
      { name: "", color: 1, steps: Array.from(shares.keys()), values: shares },
    ],
  });
  const facts: readonly (readonly [string, string | Html])[] = [
    ["Vocabulary", `${vocabulary.toLocaleString("en")} words`],
    ["Patches counted", patches.toLocaleString("en")],
    ["Entropy", `${entropy.toFixed(2)} of at most ${most} bits: as much as ${even} equally frequent words`],
    ["Unused words", `${dead.toLocaleString("en")} (${percent(dead / vocabulary)}) occur in no patch`],
    [
      "Curve",
      "the share of all patches (vertical, %) that the most frequent words (horizontal, %) account for; the straight " +
        "line would be equal use",
    ],
  ];
  const rows = facts.map(([name, text]) => html`<tr><th scope="row">${name}</th><td>${text}</td></tr>`);
  return {
    id: "words",
    heading: "Visual words",
    short: "Words",
    lead:
      "How the tokenizer uses its vocabulary on these pictures. With few words in use the task is easy and the " +
      "encoder learns little; unused words only cost time.",
    body: html`<div class="card words"><div>${curve}</div><table>${rows}</table></div>`,
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
