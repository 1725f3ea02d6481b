import type { Evaluation } from "@splitmask/pipelines";
import { columns, printable } from "@splitmask/pipelines/settings";
import { percent } from "@splitmask/report";

/** More classes than this are not printed as a matrix. */
const largestMatrix = 20;
/** More classes than this are not listed: only the worst ones are. */
const longestList = 50;

/**
 * Accuracy by class, with what each is most often taken for. Of many classes only the worst.
 *
 * @returns Lines.
 */
export function classTable({ classes, confusion, perClass, seeds }: Evaluation): string[] {
  const rows = classes.map((name, label) => {
    const counts = confusion[label]!;
    const pictures = counts.reduce((sum, count) => sum + count, 0);
    const wrong = counts.map((count, predicted) => (predicted === label ? 0 : count));
    const most = Math.max(...wrong);
    const taken =
      most === 0 ? "" : `${printable(classes[wrong.indexOf(most)]!)} (${percent(most / pictures, 1)})`;
    // The counts are those of all seeds.
    return { name, share: perClass[name] ?? null, pictures: pictures / (seeds?.length ?? 1), taken };
  });
  const many = rows.length > longestList;
  if (many) {
    rows.sort((a, b) => (a.share ?? 2) - (b.share ?? 2));
    rows.length = 20;
  }
  return columns(
    [
      [many ? "class (the 20 worst)" : "class", "pictures", "accuracy", "most often taken for"],
      ...rows.map(({ name, pictures, share, taken }) => [
        printable(name),
        String(pictures),
        share === null ? "–" : percent(share, 1),
        taken,
      ]),
    ],
    [1, 2],
  );
}

/**
 * The confusion matrix, and its largest entries by name. Without the matrix where there are many classes, or the
 * terminal is too narrow.
 *
 * @param width Characters a line may have.
 * @returns Lines.
 */
export function confusionTable(
  { classes, confusion, mostConfused, seeds }: Evaluation,
  width: number,
): string[] {
  const pairs = mostConfused.map(
    ({ count, label, predicted, share }) =>
      `${printable(label)} taken for ${printable(predicted)} (${count}, ${percent(share, 1)})`,
  );
  const named =
    pairs.length === 0
      ? []
      : [`most confused${seeds === undefined ? "" : ` (over ${seeds.length} seeds)`}: ${pairs.join("; ")}`];
  if (classes.length > largestMatrix) return named;
  const numbers = classes.map((_, label) => String(label + 1));
  const matrix = columns(
    [
      ["true \\ predicted", "", ...numbers],
      ...classes.map((name, label) => [printable(name), numbers[label]!, ...confusion[label]!.map(String)]),
    ],
    Array.from({ length: classes.length + 1 }, (_, column) => column + 1),
  );
  return Math.max(...matrix.map((text) => text.length)) > width ? named : [...matrix, ...named];
}
