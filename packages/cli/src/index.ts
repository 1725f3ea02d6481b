/**
 * The `splitmask` command. The functions behind it are those of `@splitmask/pipelines`.
 *
 * @packageDocumentation
 */
export { type MainOptions, main } from "./program.js";
export { CommandTerminal, type TerminalOptions, type TextStream } from "./terminal/terminal.js";
