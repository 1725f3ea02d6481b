import { reasonOf } from "./reasonOf.js";

/** A batch could not be made; `cause` is why. What was done before is saved. */
export class BatchError extends Error {
  /** `"BatchError"`. */
  override readonly name = "BatchError";
  /** Number of the step, from 1, that the batch was for. */
  readonly step: number;

  /** @internal */
  constructor(step: number, cause: unknown, saved: string | null) {
    const kept =
      saved === null
        ? "No checkpoint was written yet."
        : `The run is saved up to ${saved}: when the data is back, resume from there.`;
    super(`train: the batch of step ${step} could not be made: ${reasonOf(cause)} ${kept}`, { cause });
    this.step = step;
  }
}
