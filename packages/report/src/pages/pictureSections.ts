import type { AttentionView, DataUri, MethodView, NeighborView } from "../data.js";
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
 * What a method makes of some pictures.
 *
 * @param view What is shown.
 */
export function methodSection({ title, lead, note, pictures }: MethodView): Section {
  const columns = 1 + Math.max(...pictures.map(({ panels }) => panels.length));
  const rows = pictures.map(({ name, original, panels }) =>
    row(
      namedCell(original, name),
      panels.map(({ caption, image, remark }) =>
        cell(image, caption, html`${caption}${remark !== null && html`<br>${remark}`}`),
      ),
      columns,
    ),
  );
  return {
    id: "method",
    heading: title,
    short: "Method",
    lead,
    body: html`<div class="card scroll panels" tabindex="0">${rows}</div><p class="note">${note}</p>`,
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
 * Nearest neighbors.
 *
 * @param views What is shown.
 * @param withLabels Whether the encoder was trained with labels.
 */
export function neighborsSection(views: readonly NeighborView[], withLabels: boolean): Section {
  const columns = 1 + Math.max(...views.map(({ nearest }) => nearest.length));
  const rows = views.map(({ query, nearest }) =>
    row(
      namedCell(query.image, query.name),
      nearest.map(({ image, name, similarity }) => namedCell(image, name, similarity.toFixed(3))),
      columns,
    ),
  );
  return {
    id: "neighbors",
    heading: "Nearest neighbors",
    short: "Neighbors",
    lead:
      "For each picture on the left, those whose embeddings have the highest cosine similarity." +
      (withLabels ? "" : " The encoder was trained without labels."),
    body: html`<div class="card scroll" tabindex="0">${rows}</div>`,
  };
}
