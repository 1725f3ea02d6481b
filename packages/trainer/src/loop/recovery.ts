import type { RecoveryState } from "../checkpoint/checkpointFolder.js";

/** What happens when the loss or the gradient of a step is not finite. */
export type NonFiniteAction = "stop" | "skip" | "rollback";

/** What a run does about losses and gradients that are not finite. */
export interface NonFinitePolicy {
  /**
   * `"stop"`: the run ends with a `NonFiniteError`. `"skip"`: the step is left out, and weights and optimizer stand as
   * before it. `"rollback"`: the run goes back to its last checkpoint and on with a lower learning rate. Default
   * `"stop"`.
   */
  readonly action?: NonFiniteAction;
  /** How often in a run it may skip or go back; then it stops. Default 10. */
  readonly limit?: number;
  /** Factor of the learning rate after going back, above 0 and below 1. Default 0.5. */
  readonly rateFactor?: number;
}

/** A run's recoveries: what was done so far, and what is done next. */
export class Recovery {
  readonly #policy: Required<NonFinitePolicy>;
  #state: RecoveryState = { skipped: [], rollbacks: 0, rateFactor: 1 };

  constructor(policy: Required<NonFinitePolicy>) {
    this.#policy = policy;
  }

  /** What was done so far; a checkpoint holds it. */
  get state(): RecoveryState {
    return this.#state;
  }

  /** What to do about a step that is not finite. */
  get next(): NonFiniteAction {
    const { action, limit } = this.#policy;
    const { rollbacks, skipped } = this.#state;
    return rollbacks + skipped.length < limit ? action : "stop";
  }

  /** A sentence for the error where the limit is why the run stops; "" otherwise. */
  get exhausted(): string {
    const { action, limit } = this.#policy;
    if (action === "stop" || this.next !== "stop") return "";
    const done = action === "skip" ? "left out" : "gone back for";
    return `${limit} steps were ${done} already, as many as may be. `;
  }

  /** Goes on from a checkpoint. */
  resume(state: RecoveryState): void {
    this.#state = state;
  }

  /** Counts a step that is left out, by its number from 1. */
  skip(step: number): void {
    this.#state = { ...this.#state, skipped: [...this.#state.skipped, step] };
  }

  /** Counts going back to a checkpoint. */
  rollBack(): void {
    const { rateFactor, rollbacks } = this.#state;
    this.#state = {
      ...this.#state,
      rollbacks: rollbacks + 1,
      rateFactor: rateFactor * this.#policy.rateFactor,
    };
  }
}
