import {
  differenceText,
  formatDuration,
  pValueText,
  readingNote,
  type StudyResults,
  valueText,
} from "@splitmask/report";
import { columns } from "../terminal/columns.js";

/** The results as text: a table of all figures, and what is compared with the baseline. */
export function resultText(results: StudyResults): string {
  const { baseline, failures, figures, rows, seconds, steps, title, warnings } = results;
  const right = figures.map((_, place) => place + 1);
  const summary = columns(
    [
      ["", ...figures.map(({ name }) => name)],
      ...rows.map(({ label, values }) => [label, ...values.map(valueText)]),
    ],
    right,
  );
  const compared = figures.flatMap(({ name }, place) => {
    const lines = rows.flatMap(({ label, values }) => {
      const comparison = values[place]?.comparison;
      if (comparison == null) return [];
      const { pValue, verdict } = comparison;
      return [[`  ${label}`, differenceText(comparison), pValueText(pValue), verdict]];
    });
    return lines.length === 0 ? [] : ["", `${name}, compared with "${baseline}"`, ...columns(lines)];
  });
  return [
    title,
    "",
    ...readingNote(results),
    "",
    ...summary,
    ...compared,
    "",
    `${steps.done} of ${steps.all} steps done in ${formatDuration(seconds)}`,
    ...failures.map(({ message, step }) => `failed: ${step}: ${message}`),
    ...warnings.map((text) => `warning: ${text}`),
    "",
  ].join("\n");
}
