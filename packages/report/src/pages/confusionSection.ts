import type { ConfusionView } from "../data.js";
import { tally } from "../figures/facts.js";
import { percent } from "../figures/format.js";
import { type Html, html } from "../html/html.js";
import type { Section } from "./page.js";

/** Up to so many classes are shown as a matrix; of more the least accurate are listed. */
const mostInMatrix = 24;
const mostListed = 20;

/** The section with confusion matrices; null without any. */
export function confusionSection(views: readonly ConfusionView[]): Section | null {
  if (views.length === 0) return null;
  return {
    id: "confusion",
    heading: "Confusion matrix",
    short: "Confusion",
    lead:
      "Rows are the true classes, columns the predicted ones. Blue is correct, orange wrong; the stronger the " +
      "color, the larger the share of the row.",
    body: html`${views.map(confusionFigure)}`,
  };
}

/** Of each class that has pictures: how many, what they were taken for, and the share that was taken for it. */
function classRows({ classes, counts }: ConfusionView) {
  const nameOf = (label: number) => classes[label] ?? String(label);
  const rows = counts.map((row, label) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const taken = row.map((count, to) => ({ name: nameOf(to), count, isRight: to === label }));
    return { name: nameOf(label), total, accuracy: row[label]! / total, taken };
  });
  return rows.filter(({ total }) => total > 0);
}
type ClassRows = ReturnType<typeof classRows>;

function confusionFigure(view: ConfusionView): Html {
  const { classes, note, title } = view;
  const rows = classRows(view);
  const { accuracy, right, pictures } = tally(view);
  const largest = Math.max(...rows.map(({ total }) => total));
  return html`<figure class="card"><figcaption><b>${title}: ${accuracy} correct</b>
${right.toLocaleString("en")} of ${pictures.toLocaleString("en")} pictures;
always predicting the most frequent class gives ${percent(largest / pictures)}.</figcaption>
<div class="scroll" tabindex="0">${classes.length <= mostInMatrix ? matrix(classes, rows) : leastAccurate(rows)}</div>
<p class="note">${note}</p></figure>
`;
}

/** Rows are what pictures are, columns what was predicted; a cell is as strong as its share of the row. */
function matrix(classes: readonly string[], rows: ClassRows): Html {
  const heads = classes.map(
    (name) => html`<th scope="col" title="${name}"><span class="cut">${name}</span></th>`,
  );
  const body = rows.map(({ accuracy, name, taken, total }) => {
    const cells = taken.map(({ name: to, count, isRight }) => {
      const share = count === 0 ? 0 : Math.round(12 + (80 * count) / total);
      const words = `${count} of ${total} “${name}” predicted as “${to}”`;
      return html`<td class="${isRight ? "hit" : "miss"}" style="--share:${share}%" title="${words}">
${count > 0 && count}</td>`;
    });
    return html`<tr><th scope="row" class="cut" title="${name}">${name}</th>${cells}
<td class="right">${percent(accuracy)}</td></tr>
`;
  });
  return html`<table class="confusion">
<thead><tr><th>true ↓<br>predicted →</th>${heads}<th scope="col" class="right">correct</th></tr></thead>
<tbody>${body}</tbody></table>`;
}

function leastAccurate(rows: ClassRows): Html {
  const shown = [...rows].sort((a, b) => a.accuracy - b.accuracy).slice(0, mostListed);
  const body = shown.map(({ accuracy, name, taken, total }) => {
    const often = taken
      .filter(({ count, isRight }) => !isRight && count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, 3)
      .map(({ name, count }) => `${name} ${count}`);
    return html`<tr><th scope="row" class="cut">${name}</th>
<td><progress value="${accuracy.toFixed(3)}"></progress></td>
<td class="cut">${percent(accuracy)} of ${total}</td><td>${often.join(", ")}</td></tr>
`;
  });
  return html`<table class="worst"><thead><tr>
<th scope="col">The ${shown.length} least accurate of ${rows.length} classes</th>
<th scope="col" colspan="2">correct</th><th scope="col">most often mistaken for</th></tr></thead>
<tbody>${body}</tbody></table>`;
}
