/**
 * A mistake in how the command was called (an unknown option, a wrongly typed configuration field …).
 * The `splitmask` command ends with exit code 2 on it, and with 1 on every other error.
 */
export class UsageError extends Error {
  /** The conventional class name. */
  override readonly name = "UsageError";
}
