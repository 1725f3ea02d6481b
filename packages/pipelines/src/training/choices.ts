import type { Choice } from "../settings/resolve.js";
import { columns } from "../terminal/columns.js";
import type { Terminal } from "../terminal/terminal.js";

/** Prints the decisions of a run with their reasons, one a line. */
export function tellChoices(choices: readonly Choice[], terminal: Terminal): void {
  const { style } = terminal;
  for (const text of columns(
    choices.map(({ name, value, reason }) => [`  ${name}`, value, style.dim(reason)]),
  ))
    terminal.line(text);
}
