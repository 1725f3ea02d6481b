/** What a forward pass depends on besides its inputs: handed down through every layer, never a global. */
export interface ForwardContext {
  /** Whether layers that behave differently in training (drop path) do so. */
  readonly training: boolean;
  /** The run's seed. */
  readonly seed: number;
  /** The training step; what is drawn differs from step to step. */
  readonly step: number;
}

/** The context for inference: nothing is drawn. */
export const inference: ForwardContext = { training: false, seed: 0, step: 0 };
