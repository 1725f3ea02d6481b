/** Where the addon was looked for, and why it was not loaded from there. */
export interface BinaryAttempt {
  /** A path, or the name of a package. */
  readonly from: string;
  /** `"not there"`, or the first line of the loader's error. */
  readonly reason: string;
}

/** No native addon for this machine could be loaded; the message says what was tried and how to mend it. */
export class MissingBinaryError extends Error {
  /** `"MissingBinaryError"`. */
  override readonly name = "MissingBinaryError";

  /** @internal */
  constructor(
    machine: string,
    /** What was tried, in this order. */
    readonly attempts: readonly BinaryAttempt[],
    cures: readonly string[],
    options: ErrorOptions,
  ) {
    const list = (lines: readonly string[]) => lines.map((line) => `\n  ${line}`).join("");
    super(
      `@splitmask/kernels has no native addon for ${machine}. Tried:` +
        `${list(attempts.map(({ from, reason }) => `${from}: ${reason}`))}\nTo mend it:${list(cures)}`,
      options,
    );
  }
}
