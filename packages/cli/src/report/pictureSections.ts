import type { AttentionView, NeighbourView, PictureView } from "./data.js";
import { escapeHtml } from "./escape.js";
import { percent } from "./format.js";
import type { Section } from "./shell.js";

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

/** One row: the picture in question, a line, and `cells`; `columns` is how many the longest row has. */
function row(first: string, cells: readonly string[], columns: number): string {
  return `<div class="row" style="--columns:${columns}"><div class="first">${first}</div>${cells.join("")}</div>`;
}

/**
 * Pictures, halves and predictions.
 *
 * @param pictures What is shown.
 * @param note How the words were drawn.
 */
export function predictionsSection(pictures: readonly PictureView[], note: string): Section {
  const heads = [
    ["Picture", "as the encoder sees it"],
    ["In words", "every patch as its word"],
    ["Half A", "all that branch A sees"],
    ["A predicts", "the hidden half"],
    ["Half B", "all that branch B sees"],
    ["B predicts", "the hidden half"],
  ] as const;
  const rows = pictures.map(({ name, original, words, branches: [a, b] }) =>
    [
      cell(original, name, shortName(name), name),
      cell(words, `${name} in visual words`),
      cell(a.visible, `the half that branch A sees`),
      cell(a.predicted, `what branch A predicts`, `${percent(a.accuracy)} exact`),
      cell(b.visible, `the half that branch B sees`),
      cell(b.predicted, `what branch B predicts`, `${percent(b.accuracy)} exact`),
    ].join(""),
  );
  return {
    id: "halves",
    heading: "Two halves, each predicting the other",
    short: "Halves",
    lead: "The patches of a picture are split in two. The same encoder sees each half by itself, and the decoder names the visual word of every patch that the half does not hold.",
    body: `<div class="card scroll" tabindex="0"><div class="grid6">
${heads.map(([title, text]) => `<div class="head"><b>${title}</b>${text}</div>`).join("")}
${rows.join("\n")}
</div></div><p class="note">${escapeHtml(note)}</p>`,
  };
}

/**
 * Attention maps.
 *
 * @param views What is shown.
 */
export function attentionSection(views: readonly AttentionView[]): Section {
  const columns = 2 + Math.max(...views.map((view) => view.heads.length));
  const rows = views.map(({ name, original, rollout, heads }) =>
    row(
      cell(original, name, shortName(name), name),
      [
        cell(rollout, "attention rollout", "rollout"),
        ...heads.map((source, head) => cell(source, `head ${head + 1}`, `head ${head + 1}`)),
      ],
      columns,
    ),
  );
  return {
    id: "attention",
    heading: "Attention",
    short: "Attention",
    lead: "Rollout: how much of each patch is in the embedding, followed through all layers. Heads: how much attention each patch receives in the last layer. Both averaged over all patches that look; bright is much, each map scaled to its own range.",
    body: `<div class="card scroll" tabindex="0">${rows.join("")}</div>`,
  };
}

/**
 * Nearest neighbours.
 *
 * @param views What is shown.
 * @param withLabels Whether the encoder was trained with labels.
 */
export function neighboursSection(views: readonly NeighbourView[], withLabels: boolean): Section {
  const columns = 1 + Math.max(...views.map(({ nearest }) => nearest.length));
  const rows = views.map(({ query, nearest }) =>
    row(
      cell(query.image, query.name, shortName(query.name), query.name),
      nearest.map((entry) =>
        cell(entry.image, entry.name, `${entry.similarity.toFixed(2)}  ${shortName(entry.name)}`, entry.name),
      ),
      columns,
    ),
  );
  return {
    id: "neighbours",
    heading: "Nearest neighbours",
    short: "Neighbours",
    lead: `For a picture on the left, the pictures whose embeddings have the highest cosine similarity.${withLabels ? "" : " No label was ever seen."}`,
    body: `<div class="card scroll" tabindex="0">${rows.join("")}</div>`,
  };
}
