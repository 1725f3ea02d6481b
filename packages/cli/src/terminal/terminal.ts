import { styleText } from "node:util";
import { harmless, printable, type Style, type Terminal } from "@splitmask/pipelines/settings";

/** A stream that text is written to: `process.stdout`, `process.stderr`, or a test's own. */
export interface TextStream {
  /** Writes text. */
  write(text: string): unknown;
  /** True on a terminal. */
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
}

/** How a command speaks. */
export interface TerminalOptions {
  /** The last line of standard output is JSON and nothing else goes there. */
  readonly json?: boolean;
  /** Only warnings and the result. */
  readonly quiet?: boolean;
  /** Standard output; `process.stdout` when not given. */
  readonly output?: TextStream;
  /** Standard error; `process.stderr` when not given. */
  readonly error?: TextStream;
}

/** Milliseconds between two plain progress lines when not on a terminal. */
const plainInterval = 10_000;
/** Milliseconds between two draws of the live line. */
const liveInterval = 100;

/** Everything that a command says: lines, warnings, a live progress line and the result. */
export class CommandTerminal implements Terminal {
  #people: TextStream;
  readonly #error: TextStream;
  readonly #output: TextStream;
  readonly #json: boolean;
  readonly #quiet: boolean;
  /** Number of progress lines that are drawn on the terminal. */
  #liveLines = 0;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #lastPlain = "";
  /** What was to be shown last and came too soon. */
  #waiting: string | readonly string[] | null = null;

  constructor(options: TerminalOptions = {}) {
    this.#output = options.output ?? process.stdout;
    this.#error = options.error ?? process.stderr;
    this.#json = options.json ?? false;
    this.#quiet = options.quiet ?? false;
    this.#people = this.#json ? this.#error : this.#output;
  }

  get style(): Style {
    const colors = this.#people.isTTY === true && process.env.NO_COLOR === undefined;
    const as = (format: "bold" | "dim" | "red" | "green" | "yellow") => (text: string) =>
      colors ? styleText(format, text, { validateStream: false }) : text;
    return { bold: as("bold"), dim: as("dim"), red: as("red"), green: as("green"), yellow: as("yellow") };
  }

  get live(): boolean {
    return this.#people.isTTY === true && !this.#quiet;
  }

  get width(): number {
    const { columns = 0 } = this.#people;
    return this.live && columns > 1 ? columns - 1 : Number.POSITIVE_INFINITY;
  }

  /** From now on standard output is for the command's data: what people read goes to standard error. */
  keepOutputForData(): void {
    this.#people = this.#error;
  }

  line(text = ""): void {
    if (this.#quiet) return;
    this.#clear();
    this.#people.write(`${harmless(text)}\n`);
  }

  /** Writes a warning to standard error, quiet or not. */
  warn(text: string): void {
    this.#clear();
    this.#error.write(`${this.style.yellow("warning:")} ${harmless(text)}\n`);
  }

  /**
   * Shows how far something is: one line or several drawn in place on a terminal (at most ten times a second), a plain
   * line every ten seconds elsewhere. The last state is shown in any case, by `endProgress`.
   */
  progress(text: string | readonly string[], now = false): void {
    if (this.#quiet) return;
    const time = performance.now();
    const interval = this.live ? liveInterval : plainInterval;
    if (!now && time - this.#lastProgress < interval) {
      this.#waiting = text;
      return;
    }
    this.#lastProgress = time;
    this.#show(text);
  }

  #show(text: string | readonly string[]): void {
    this.#waiting = null;
    const lines = [text].flat().map(printable);
    if (this.live) {
      const cut = lines.map((line) => line.slice(0, this.width));
      this.#people.write(`${this.#erased()}${cut.join("\n")}`);
      this.#liveLines = cut.length;
      return;
    }
    const shown = lines.join("; ");
    if (shown === this.#lastPlain) return;
    this.#people.write(`${shown}\n`);
    this.#lastPlain = shown;
  }

  /** Moves to the start of the lines that are drawn in place, and erases them. */
  #erased(): string {
    return `\r\u001b[2K${"\u001b[1A\u001b[2K".repeat(Math.max(0, this.#liveLines - 1))}`;
  }

  endProgress(): void {
    if (this.#waiting !== null) this.#show(this.#waiting);
    if (this.#liveLines > 0) this.#people.write("\n");
    this.#liveLines = 0;
    this.#lastProgress = Number.NEGATIVE_INFINITY;
  }

  /** The end of a command: one JSON line for programs with `--json`, otherwise lines for people. */
  result(result: object, lines: readonly string[]): void {
    this.endProgress();
    if (this.#json) this.#output.write(`${JSON.stringify(result)}\n`);
    else for (const text of lines) this.#output.write(`${harmless(text)}\n`);
  }

  /** Writes the command's data to standard output, as it is. */
  data(text: string): void {
    this.endProgress();
    this.#output.write(text);
  }

  #clear(): void {
    if (this.#liveLines > 0) this.#people.write(this.#erased());
    this.#liveLines = 0;
    this.#waiting = null;
  }
}
