import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Optimizer, type Slot } from "./optimizer.js";
import type { ParameterGroup } from "./parameterGroups.js";

/** Options that `SGD` and `LARS` share. */
export interface MomentumOptions {
  /** Default 0.1 for `SGD`, 1 for `LARS`. */
  readonly learningRate?: number;
  /** Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient, for groups that say nothing else. Default 0. */
  readonly weightDecay?: number;
}

/** The step of a parameter in proportion to its length. */
export interface Adaptation {
  /** The length of a direction over the length of the parameter. */
  readonly trustCoefficient: number;
  /** Added to the denominator. */
  readonly epsilon: number;
}

/**
 * Optimizers that go on in the last direction: m ← μ·m + g, θ ← θ − η·m (Nesterov: θ − η·(g + μ·m)). State:
 * `momentum.<name>`, none without momentum.
 */
export abstract class MomentumOptimizer extends Optimizer {
  /** How much of the last direction stays. */
  readonly momentum: number;
  /** Nesterov's form. */
  readonly nesterov: boolean;
  protected override readonly kinds: readonly string[];

  /** @throws RangeError If momentum is not in [0, 1), or Nesterov is asked for without it. */
  constructor(groups: readonly ParameterGroup[], options: MomentumOptions, learningRate: number) {
    super(groups, options.learningRate ?? learningRate, options.weightDecay ?? 0);
    this.momentum = options.momentum ?? 0.9;
    this.nesterov = options.nesterov ?? false;
    if (!(this.momentum >= 0 && this.momentum < 1) || (this.nesterov && this.momentum === 0)) {
      throw new RangeError(
        `${new.target.name}: momentum is ${this.momentum} and nesterov is ${this.nesterov}; ` +
          "expected momentum in [0, 1), above 0 with nesterov.",
      );
    }
    this.kinds = this.momentum > 0 ? ["momentum"] : [];
  }

  /** How the steps of parameters with more than one axis are adapted; null: not at all. */
  protected get adaptation(): Adaptation | null {
    return null;
  }

  protected override apply(
    device: Device,
    active: readonly Slot[],
    learningRate: number,
    gradientScale: Tensor | null,
  ): void {
    const { adaptation } = this;
    device.run("sgd", active[0]!.parameter.dtype as "float32" | "float64", {
      scale: gradientScale,
      momentum: this.momentum,
      nesterov: this.nesterov ? 1 : 0,
      trustCoefficient: adaptation?.trustCoefficient ?? 0,
      epsilon: adaptation?.epsilon ?? 0,
      each: active.map(({ parameter, state, weightDecay, learningRateScale }) => ({
        parameter,
        gradient: parameter.grad!,
        momentumBuffer: state.get("momentum") ?? null,
        size: parameter.size,
        learningRate: learningRate * learningRateScale,
        weightDecay,
        adapt: adaptation !== null && parameter.rank > 1 ? 1 : 0,
      })),
    });
  }
}
