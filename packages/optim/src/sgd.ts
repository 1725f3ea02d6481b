import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Optimizer, type Slot } from "./optimizer.js";
import type { ParameterGroup } from "./parameterGroups.js";

/** Options of `SGD`. */
export interface SGDOptions {
  /** Default 0.1. */
  readonly learningRate?: number;
  /** Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient, for groups that say nothing else. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with momentum, as PyTorch computes it (no dampening): g ← g + λ·θ, m ← μ·m + g, θ ← θ − η·m (Nesterov: θ − η·(g + μ·m)).
 * State: `momentum.<name>`, none without momentum.
 */
export class SGD extends Optimizer {
  /** How much of the last direction stays. */
  readonly momentum: number;
  /** Nesterov's form. */
  readonly nesterov: boolean;
  protected override readonly kinds: readonly string[];

  /** @throws RangeError If momentum is not in [0, 1), or Nesterov is asked for without it. */
  constructor(groups: readonly ParameterGroup[], options: SGDOptions = {}) {
    super(groups, options.learningRate ?? 0.1, options.weightDecay ?? 0);
    this.momentum = options.momentum ?? 0.9;
    this.nesterov = options.nesterov ?? false;
    if (!(this.momentum >= 0 && this.momentum < 1) || (this.nesterov && this.momentum === 0)) {
      throw new RangeError(
        `SGD: momentum is ${this.momentum} and nesterov is ${this.nesterov}; expected momentum in [0, 1), above 0 with nesterov.`,
      );
    }
    this.kinds = this.momentum > 0 ? ["momentum"] : [];
  }

  protected override apply(
    device: Device,
    active: readonly Slot[],
    learningRate: number,
    gradientScale: Tensor | null,
  ): void {
    device.run("sgd", active[0]!.parameter.dtype as "float32" | "float64", {
      scale: gradientScale,
      step: this.steps,
      momentum: this.momentum,
      nesterov: this.nesterov ? 1 : 0,
      each: active.map(({ parameter, state, weightDecay, learningRateScale }) => ({
        parameter,
        gradient: parameter.grad!,
        momentumBuffer: state.get("momentum") ?? null,
        size: parameter.size,
        learningRate: learningRate * learningRateScale,
        weightDecay,
      })),
    });
  }
}
