import { MomentumOptimizer, type MomentumOptions } from "./momentumOptimizer.js";
import type { ParameterGroup } from "./parameterGroups.js";

/** Options of `SGD`. */
export type SGDOptions = MomentumOptions;

/**
 * Stochastic gradient descent with momentum, as PyTorch computes it (no dampening): g ← g + λ·θ, m ← μ·m + g,
 * θ ← θ − η·m (Nesterov: θ − η·(g + μ·m)). State: `momentum.<name>`, none without momentum.
 */
export class SGD extends MomentumOptimizer {
  /** @throws RangeError If momentum is not in [0, 1), or Nesterov is asked for without it. */
  constructor(groups: readonly ParameterGroup[], options: SGDOptions = {}) {
    super(groups, options, 0.1);
  }
}
