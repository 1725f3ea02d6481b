import type { ConfusionView } from "./data.js";
import { escapeHtml } from "./escape.js";
import { percent } from "./format.js";
import { tally } from "./tally.js";

/** Up to so many classes are shown as a matrix; of more the worst are listed. */
const mostInMatrix = 24;
const mostListed = 20;

/** What is told of one class. */
interface ClassRow {
  readonly label: number;
  readonly name: string;
  readonly total: number;
  /** Share that was right. */
  readonly accuracy: number;
}

/**
 * A confusion matrix with the accuracy of each class; of many classes a list of those that are told worst.
 *
 * @param view The counts.
 * @returns A `<figure>`.
 */
export function confusionHtml(view: ConfusionView): string {
  const { title, note, classes, counts } = view;
  const rows = counts
    .map((row, label): ClassRow => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return { label, name: classes[label] ?? String(label), total, accuracy: row[label]! / total };
    })
    .filter(({ total }) => total > 0);
  const { right, pictures } = tally(view);
  const largest = Math.max(...rows.map(({ total }) => total));
  return `<figure class="card"><figcaption><b>${escapeHtml(title)}: ${percent(right / pictures)} right</b> ${right.toLocaleString("en")} of ${pictures.toLocaleString("en")} pictures; always the largest class would be ${percent(largest / pictures)}.</figcaption>
<div class="scroll" tabindex="0">${classes.length <= mostInMatrix ? matrix(view, rows) : worst(view, rows)}</div>
<p class="note">${escapeHtml(note)}</p></figure>`;
}

/** Rows are what pictures are, columns what they were taken for; a cell is as strong as its share of the row. */
function matrix({ classes, counts }: ConfusionView, rows: readonly ClassRow[]): string {
  const heads = classes.map((name) => `<th scope="col"><span>${escapeHtml(name)}</span></th>`).join("");
  const body = rows.map(({ label, name, total, accuracy }) => {
    const cells = counts[label]!.map((count, to) => {
      const strength = count === 0 ? 0 : Math.round(12 + (80 * count) / total);
      const words = `${count} of ${total} “${name}” taken for “${classes[to]}”`;
      return `<td class="${to === label ? "hit" : "miss"}" style="--share:${strength}%" title="${escapeHtml(words)}">${count === 0 ? "" : count}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join("")}<td class="right">${percent(accuracy)}</td></tr>`;
  });
  return `<table class="confusion"><thead><tr><th>is ↓ taken for →</th>${heads}<th scope="col" class="right">right</th></tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function worst({ classes, counts }: ConfusionView, rows: readonly ClassRow[]): string {
  const shown = [...rows].sort((a, b) => a.accuracy - b.accuracy).slice(0, mostListed);
  const body = shown.map(({ label, name, total, accuracy }) => {
    const others = counts[label]!.map((count, to) => ({ count, to })).filter(({ to }) => to !== label);
    const often = others
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, 3)
      .map(({ count, to }) => `${classes[to]} ${count}`)
      .join(", ");
    return `<tr><th scope="row">${escapeHtml(name)}</th><td class="bar"><i style="--share:${(accuracy * 100).toFixed(1)}%"></i></td><td>${percent(accuracy)} of ${total}</td><td>${escapeHtml(often)}</td></tr>`;
  });
  return `<table class="worst"><thead><tr><th scope="col">The ${shown.length} classes told worst, of ${rows.length}</th><th scope="col" colspan="2">right</th><th scope="col">most often taken for</th></tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}
