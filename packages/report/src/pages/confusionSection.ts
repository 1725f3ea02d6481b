import type { ConfusionView } from "../data.js";
import { percent } from "../figures/format.js";
import { tally } from "../figures/tally.js";
import { type Html, html } from "../html/html.js";
import type { Section } from "./section.js";

/** Up to so many classes are shown as a matrix; of more the least accurate are listed. */
const mostInMatrix = 24;
const mostListed = 20;

/** What is told of one class. */
interface ClassRow {
  readonly label: number;
  readonly name: string;
  readonly total: number;
  /** Share that was predicted correctly. */
  readonly accuracy: number;
}

/**
 * The section with confusion matrices.
 *
 * @param views At least one.
 */
export function confusionSection(views: readonly ConfusionView[]): Section {
  return {
    id: "confusion",
    heading: "Confusion matrix",
    short: "Confusion",
    lead:
      "Rows are the true classes, columns the predicted ones. Blue is correct, orange wrong; the stronger the " +
      "color, the larger the share of the row.",
    body: html`<div class="stack">${views.map(confusionFigure)}</div>`,
  };
}

/** A confusion matrix with the accuracy of each class; of many classes a list of the least accurate. */
function confusionFigure(view: ConfusionView): Html {
  const { title, note, classes, counts } = view;
  const rows = counts
    .map((row, label): ClassRow => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return { label, name: nameOf(classes, label), total, accuracy: row[label]! / total };
    })
    .filter(({ total }) => total > 0);
  const { right, pictures } = tally(view);
  const table = classes.length <= mostInMatrix ? matrix(view, rows) : leastAccurate(view, rows);
  const largest = Math.max(...rows.map(({ total }) => total));
  return html`<figure class="card"><figcaption><b>${title}: ${percent(right / pictures, 1)} correct</b>
${right.toLocaleString("en")} of ${pictures.toLocaleString("en")} pictures;
always predicting the most frequent class gives ${percent(largest / pictures)}.</figcaption>
<div class="scroll" tabindex="0">${table}</div>
<p class="note">${note}</p></figure>
`;
}

function nameOf(classes: readonly string[], label: number): string {
  return classes[label] ?? String(label);
}

/** Rows are what pictures are, columns what was predicted; a cell is as strong as its share of the row. */
function matrix({ classes, counts }: ConfusionView, rows: readonly ClassRow[]): Html {
  const heads = classes.map((name) => html`<th scope="col" title="${name}"><span>${name}</span></th>`);
  const body = rows.map(({ label, name, total, accuracy }) => {
    const cells = counts[label]!.map((count, to) => {
      const strength = count === 0 ? 0 : Math.round(12 + (80 * count) / total);
      const words = `${count} of ${total} “${name}” predicted as “${nameOf(classes, to)}”`;
      const kind = to === label ? "hit" : "miss";
      return html`<td class="${kind}" style="--share:${strength}%" title="${words}">${count > 0 && count}</td>`;
    });
    return html`<tr><th scope="row" title="${name}">${name}</th>${cells}<td class="right">${percent(accuracy)}</td></tr>
`;
  });
  return html`<table class="confusion">
<thead><tr><th>true ↓<br>predicted →</th>${heads}<th scope="col" class="right">correct</th></tr></thead>
<tbody>${body}</tbody></table>`;
}

function leastAccurate({ classes, counts }: ConfusionView, rows: readonly ClassRow[]): Html {
  const shown = [...rows].sort((a, b) => a.accuracy - b.accuracy).slice(0, mostListed);
  const body = shown.map(({ label, name, total, accuracy }) => {
    const often = counts[label]!.map((count, to) => ({ count, to }))
      .filter(({ count, to }) => to !== label && count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, 3)
      .map(({ count, to }) => `${nameOf(classes, to)} ${count}`)
      .join(", ");
    const share = (accuracy * 100).toFixed(1);
    return html`<tr><th scope="row">${name}</th><td class="bar"><i style="--share:${share}%"></i></td>
<td>${percent(accuracy)} of ${total}</td><td>${often}</td></tr>
`;
  });
  return html`<table class="worst"><thead><tr>
<th scope="col">The ${shown.length} least accurate of ${rows.length} classes</th>
<th scope="col" colspan="2">correct</th><th scope="col">most often mistaken for</th></tr></thead>
<tbody>${body}</tbody></table>`;
}
