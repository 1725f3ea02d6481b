import { type Adaptation, MomentumOptimizer, type MomentumOptions } from "./momentumOptimizer.js";
import type { ParameterGroup } from "./parameterGroups.js";

/** Options of `LARS`. */
export interface LARSOptions extends MomentumOptions {
  /** η: the length of a direction over the length of the parameter. Default 1e-3. */
  readonly trustCoefficient?: number;
  /** Added to the denominator. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * SGD with momentum whose steps are in proportion to each parameter's length (You, Gitman and Ginsburg 2017, arXiv
 * 1708.03888), as timm's `Lars` computes it; SimCLR trains with it, MAE probes with it:
 *
 * g ← (g + λ·θ) · η·‖θ‖ / (‖g‖ + λ·‖θ‖ + ε), the factor being 1 where a norm is 0; then momentum and step as in `SGD`.
 *
 * Biases and other parameters with one axis are not adapted. State: `momentum.<name>`, none without momentum.
 */
export class LARS extends MomentumOptimizer {
  /** η. */
  readonly trustCoefficient: number;
  /** Added to the denominator. */
  readonly epsilon: number;

  /**
   * @throws RangeError If momentum is not in [0, 1), Nesterov is asked for without it, or the trust coefficient is not
   * positive.
   */
  constructor(groups: readonly ParameterGroup[], options: LARSOptions = {}) {
    super(groups, options, 1);
    this.trustCoefficient = options.trustCoefficient ?? 1e-3;
    this.epsilon = options.epsilon ?? 1e-8;
    if (!(this.trustCoefficient > 0)) {
      throw new RangeError(
        `LARS: trustCoefficient is ${this.trustCoefficient}; expected a positive number, e.g. 0.001.`,
      );
    }
  }

  protected override get adaptation(): Adaptation {
    return { trustCoefficient: this.trustCoefficient, epsilon: this.epsilon };
  }
}
