import { UsageError } from "./usageError.js";

/** One decision, for the list that is printed before training. */
export interface Choice {
  /** What was decided, in words: "image size", "batch". */
  readonly name: string;
  /** The value as it is printed. */
  readonly value: string;
  /** Why: "given", or the reason for the default. */
  readonly reason: string;
}

/** The decisions so far, in the order in which they are printed. */
export class Decisions {
  /** Name, value and reason of each. */
  readonly choices: Choice[] = [];

  /** Notes a decision and its reason. */
  note(name: string, value: string, reason: string): void {
    this.choices.push({ name, value, reason });
  }

  /**
   * What is given stands; else `chosen` is taken, for `reason`.
   *
   * @param show How the value is printed.
   */
  take<Value>(
    name: string,
    given: Value | undefined,
    chosen: Value,
    reason: string,
    show: (value: Value) => string = String,
  ): Value {
    const decided = given ?? chosen;
    this.note(name, show(decided), given !== undefined ? "given" : reason);
    return decided;
  }
}

/** An error about fields that contradict each other, or the pictures. */
export function contradiction(field: string, text: string): UsageError {
  return new UsageError(`${field}: ${text}.`);
}
