import type { AttentionView, DataUri, NeighbourView, PictureView } from "../data.js";
import { percent } from "../figures/format.js";
import { type Html, html } from "../html/html.js";
import type { Section } from "./section.js";

/** A picture with what stands below it, and with its alternative text. */
function cell(source: DataUri, alternative: string, below: Html | string | null = null): Html {
  return html`<div class="cell"><img src="${source}" alt="${alternative}">${
    below !== null && html`<div class="below">${below}</div>`
  }</div>`;
}

/** A picture above the last part of its path; the whole one is in the tooltip. */
function namedCell(source: DataUri, path: string, remark: string | null = null): Html {
  const name = html`<div class="name" title="${path}">${path.split(/[\\/]/).at(-1)!}</div>`;
  return cell(source, path, html`${name}${remark}`);
}

/** One row: the picture in question, a line, and `cells`; `columns` is how many the longest row has. */
function row(first: Html, cells: readonly Html[], columns: number): Html {
  return html`<div class="row" style="--columns:${columns}"><div class="first">${first}</div>${cells}</div>
`;
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
    ["Target", "each patch as its visual word"],
    ["Half A", "the patches that branch A sees"],
    ["Prediction of A", "filled into what A does not see"],
    ["Half B", "the patches that branch B sees"],
    ["Prediction of B", "filled into what B does not see"],
  ] as const;
  const rows = pictures.map(({ name, original, words, branches: [a, b] }) => [
    namedCell(original, name),
    cell(words, `${name} in visual words`),
    cell(a.visible, "the half that branch A sees"),
    cell(a.predicted, "what branch A predicts", `${percent(a.accuracy)} exact`),
    cell(b.visible, "the half that branch B sees"),
    cell(b.predicted, "what branch B predicts", `${percent(b.accuracy)} exact`),
  ]);
  return {
    id: "halves",
    heading: "Two halves, each predicting the other",
    short: "Halves",
    lead:
      "The patches of a picture are split in two. The same encoder sees each half by itself, and the decoder " +
      "predicts the visual word of every patch that the half does not hold.",
    body: html`<div class="card scroll" tabindex="0"><div class="grid6">
${heads.map(([title, text]) => html`<div class="head"><b>${title}</b>${text}</div>`)}
${rows}
</div></div><p class="note">${note}</p>`,
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
      namedCell(original, name),
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
    lead:
      "Rollout: how much each patch contributes to the embedding, followed through all layers. Heads: how much " +
      "attention each patch receives in the last layer, on average over the patches that attend. Bright is much; " +
      "each map has its own scale.",
    body: html`<div class="card scroll" tabindex="0">${rows}</div>`,
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
      namedCell(query.image, query.name),
      nearest.map(({ image, name, similarity }) => namedCell(image, name, similarity.toFixed(3))),
      columns,
    ),
  );
  return {
    id: "neighbours",
    heading: "Nearest neighbours",
    short: "Neighbours",
    lead:
      "For each picture on the left, those whose embeddings have the highest cosine similarity." +
      (withLabels ? "" : " The encoder was trained without labels."),
    body: html`<div class="card scroll" tabindex="0">${rows}</div>`,
  };
}
