// Rows as a table, as Markdown and as JSON lines.

/**
 * @typedef {{ work: string, against: string, target: number | null, atMost?: boolean, ours: number | null,
 *   theirs: number | null, unit: string, note?: string | null, ratio?: number | null }} Row `atMost`: less is better.
 */

const number = (value) =>
  value === null ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

/** Fills in ours / theirs. @param {Row} row */
export function withRatio(row) {
  const { ours, theirs } = row;
  return { ...row, ratio: row.ratio ?? (ours === null || theirs === null ? null : ours / theirs) };
}

function reached({ ratio, target, atMost }) {
  if (target === null || ratio === null) return "";
  return (atMost ? ratio <= target : ratio >= target) ? "yes" : "no";
}

const target = ({ target: value, atMost }) => (value === null ? "–" : `${atMost ? "≤" : "≥"} ${value}`);
const cells = (row) => [
  row.work,
  row.against,
  number(row.ours),
  number(row.theirs),
  row.unit,
  row.ratio === null ? "–" : row.ratio.toFixed(2),
  target(row),
  reached(row),
];
const heads = ["work", "against", "ours", "theirs", "unit", "ratio", "target", "reached"];

/** One JSON object, for one line. @param {Row} row */
export function jsonLine({ work, against, ratio, target: goal, ours, theirs, unit, note }) {
  return JSON.stringify({
    work,
    against,
    ratio,
    target: goal,
    ours,
    theirs,
    unit,
    ...(note ? { note } : {}),
  });
}

/** One row as text; call it with `undefined` for the heading. @param {Row} [row] */
export function textLine(row) {
  const widths = [58, 36, -8, -8, 11, -6, 7, 7];
  const columns = (row === undefined ? heads : cells(row)).map((cell, index) =>
    widths[index] < 0 ? cell.padStart(-widths[index]) : cell.padEnd(widths[index]),
  );
  const note = row?.note ? `\n    ${row.note}` : "";
  return `${columns.join(" ").trimEnd()}${note}`;
}

/** One row as Markdown; call it with `undefined` for the heading. @param {Row} [row] */
export function markdownLine(row) {
  if (row === undefined)
    return `| ${heads.join(" | ")} |\n| --- | --- | ---: | ---: | --- | ---: | ---: | --- |`;
  return `| ${cells(row).join(" | ")} |`;
}
