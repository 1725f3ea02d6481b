import type { Choice } from "../config/resolve.js";
import { columns, type Terminal } from "../terminal/terminal.js";

/** Prints the decisions of a run with their reasons, one a line. */
export function tellChoices(choices: readonly Choice[], terminal: Terminal): void {
  const { style } = terminal;
  for (const text of columns(
    choices.map(({ name, value, reason }) => [`  ${name}`, value, style.dim(reason)]),
  ))
    terminal.line(text);
}
