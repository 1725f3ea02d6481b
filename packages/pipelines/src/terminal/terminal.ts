/** Wraps text in terminal styles; plain text where colors are off. */
export interface Style {
  /** Bold. */
  bold(text: string): string;
  /** Dimmed. */
  dim(text: string): string;
  /** Red. */
  red(text: string): string;
  /** Green. */
  green(text: string): string;
  /** Yellow. */
  yellow(text: string): string;
}

/** Where a pipeline tells what it does: the `splitmask` command's terminal, or one of a program's own. */
export interface Terminal {
  /** How text is emphasized. */
  readonly style: Style;
  /** True where the progress line is drawn in place. */
  readonly live: boolean;
  /** Characters that the progress line may have; Infinity where that does not matter. */
  readonly width: number;
  /** Writes a line for people. */
  line(text?: string): void;
  /** Writes a warning. */
  warn(text: string): void;
  /**
   * Shows how far something is.
   *
   * @param text The line, or on a live terminal several; they take the place of those before.
   * @param now Show it whatever the clock says (the first and the last).
   */
  progress(text: string | readonly string[], now?: boolean): void;
  /** Ends the progress line, so that the next text stands on its own line. */
  endProgress(): void;
}

const plain = (text: string) => text;

/** Says nothing: what a program of one's own uses that wants results only. */
export const silentTerminal: Terminal = {
  style: { bold: plain, dim: plain, red: plain, green: plain, yellow: plain },
  live: false,
  width: Number.POSITIVE_INFINITY,
  line() {},
  warn() {},
  progress() {},
  endProgress() {},
};
