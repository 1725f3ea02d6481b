import { chartHtml, concentrationSvg } from "./chart.js";
import type { AttentionView, NeighbourView, PictureView, ReportData, TokenView } from "./data.js";
import { escapeHtml } from "./escape.js";
import { script, styleSheet } from "./style.js";

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/**
 * Writes the report as one HTML page: no file and no network besides it.
 *
 * @param data Everything that the page shows.
 * @returns The page.
 */
export function reportPage(data: ReportData): string {
  const sections = [
    chartsSection(data),
    data.pictures.length > 0 ? picturesSection(data.pictures, data.wordsNote) : "",
    data.attention.length > 0 ? attentionSection(data.attention) : "",
    data.neighbours.length > 0 ? neighboursSection(data.neighbours) : "",
    data.tokens !== null ? tokensSection(data.tokens) : "",
    configurationSection(data),
    data.skipped.length > 0 ? skippedSection(data) : "",
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(data.title)} – SplitMask</title>
<link rel="icon" href="data:,">
<style>${styleSheet}</style>
</head>
<body>
<main>
<header>
<div class="mark">SplitMask</div>
<h1>${escapeHtml(data.title)}</h1>
<p>${escapeHtml(data.summary)}</p>
<dl class="facts">${data.facts
    .map(
      (fact) =>
        `<div><dt>${escapeHtml(fact.label)}</dt><dd>${escapeHtml(fact.value)}${fact.note === undefined ? "" : `<small>${escapeHtml(fact.note)}</small>`}</dd></div>`,
    )
    .join("")}</dl>
</header>
${sections.filter((section) => section !== "").join("\n")}
<footer>Written by <code>splitmask report</code>, ${escapeHtml(data.written)}.</footer>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function chartsSection(data: ReportData): string {
  return `<section><h2>Training</h2><p>Thin lines are single steps, strong lines a moving average. Point at a chart to read it.</p>
<div class="charts">${data.charts.map(chartHtml).join("\n")}</div></section>`;
}

function image(source: string, alt: string): string {
  return `<img src="${source}" alt="${escapeHtml(alt)}">`;
}

/** The last part of a path; the whole one is in the tooltip. */
function shortName(name: string): string {
  return name.split(/[\\/]/).at(-1)!;
}

function cell(source: string, alt: string, below?: string, title = below): string {
  return `<div class="cell">${image(source, alt)}${below === undefined ? "" : `<div class="name" title="${escapeHtml(title ?? below)}">${escapeHtml(below)}</div>`}</div>`;
}

function picturesSection(pictures: readonly PictureView[], note: string): string {
  const heads = [
    ["Picture", "as the encoder sees it"],
    ["In words", "every patch as its word"],
    ["Half A", "all that branch A sees"],
    ["A predicts", "the hidden half"],
    ["Half B", "all that branch B sees"],
    ["B predicts", "the hidden half"],
  ] as const;
  return `<section><h2>Two halves, each predicting the other</h2>
<p>The patches of a picture are split in two. The same encoder sees each half by itself, and the decoder names the visual word of every patch that the half does not hold.</p>
<div class="card scroll"><div class="grid6">
${heads.map(([title, text]) => `<div class="head"><b>${title}</b>${text}</div>`).join("")}
${pictures
  .map(({ name, original, words, branches: [a, b] }) =>
    [
      cell(original, name, shortName(name), name),
      cell(words, `${name} in visual words`),
      cell(a.visible, `the half that branch A sees`),
      cell(a.predicted, `what branch A predicts`, `${percent(a.accuracy)} exact`),
      cell(b.visible, `the half that branch B sees`),
      cell(b.predicted, `what branch B predicts`, `${percent(b.accuracy)} exact`),
    ].join(""),
  )
  .join("\n")}
</div></div><p class="note">${escapeHtml(note)}</p></section>`;
}

function attentionSection(views: readonly AttentionView[]): string {
  const heads = Math.max(...views.map((view) => view.heads.length));
  return `<section><h2>Attention of the last layer</h2>
<p>How much attention each patch receives, averaged over all patches that look, one map a head. Bright is much; each map is scaled to its own range.</p>
<div class="card scroll">${views
    .map(
      (view) =>
        `<div class="row" style="grid-template-columns:repeat(${heads + 1},minmax(0,${heads > 6 ? 1 : 132}${heads > 6 ? "fr" : "px"}))">` +
        `<div class="first">${cell(view.original, view.name, shortName(view.name), view.name)}</div>` +
        `${view.heads.map((source, head) => cell(source, `head ${head + 1}`, `head ${head + 1}`)).join("")}</div>`,
    )
    .join("")}</div></section>`;
}

function neighboursSection(views: readonly NeighbourView[]): string {
  return `<section><h2>Nearest neighbours</h2>
<p>For a picture on the left, the pictures whose embeddings have the highest cosine similarity. No label was ever seen.</p>
<div class="card scroll">${views
    .map(
      ({ query, nearest }) =>
        `<div class="row" style="grid-template-columns:repeat(${nearest.length + 1},minmax(0,132px))">` +
        `<div class="first">${cell(query.image, query.name, shortName(query.name), query.name)}</div>` +
        `${nearest.map((entry) => cell(entry.image, entry.name, `${entry.similarity.toFixed(2)}  ${shortName(entry.name)}`, entry.name)).join("")}</div>`,
    )
    .join("")}</div></section>`;
}

function tokensSection(tokens: TokenView): string {
  const most = Math.log2(tokens.vocabulary);
  return `<section><h2>Visual words</h2>
<p>What the tokenizer makes of the pictures. Few used words make the task easy and the encoder poor; words that nothing receives cost time and teach nothing.</p>
<div class="card two"><div>${concentrationSvg(tokens.cumulative)}</div><dl class="list">
<dt>Words</dt><dd>${tokens.vocabulary.toLocaleString("en")}</dd>
<dt>Patches counted</dt><dd>${tokens.patches.toLocaleString("en")}</dd>
<dt>Entropy</dt><dd>${tokens.entropy.toFixed(2)} of ${most.toFixed(2)} bits: as many as ${Math.round(2 ** tokens.entropy).toLocaleString("en")} words used evenly</dd>
<dt>Dead words</dt><dd>${tokens.dead.toLocaleString("en")} (${percent(tokens.dead / tokens.vocabulary)}) received no patch</dd>
<dt>Curve</dt><dd>the share of the patches (up, in percent) that the most frequent words (across, in percent) carry; the straight line is even use</dd>
</dl></div></section>`;
}

function configurationSection(data: ReportData): string {
  return `<section><h2>Configuration</h2><p>Every setting, and why it is what it is.</p>
<div class="card"><table>${data.configuration
    .map(
      (row) =>
        `<tr><th scope="row">${escapeHtml(row.name)}</th><td>${escapeHtml(row.value)}</td><td>${escapeHtml(row.reason)}</td></tr>`,
    )
    .join("")}</table></div></section>`;
}

function skippedSection(data: ReportData): string {
  return `<section><h2>Skipped pictures</h2><p>${data.skipped.length.toLocaleString("en")} could not be read; each was replaced by the next good one.</p>
<div class="card"><details><summary>Show them</summary><table>${data.skipped
    .map(
      (row) =>
        `<tr><th scope="row"><code>${escapeHtml(row.path)}</code></th><td>${escapeHtml(row.reason)}</td></tr>`,
    )
    .join("")}</table></details></div></section>`;
}
