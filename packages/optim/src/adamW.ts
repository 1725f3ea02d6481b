import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Optimizer, type Slot } from "./optimizer.js";
import type { ParameterGroup } from "./parameterGroups.js";

/** Options of `AdamW`. */
export interface AdamWOptions {
  /** Default 1e-3. */
  readonly learningRate?: number;
  /** Decay rates of the two running means. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second mean. Default 1e-8. */
  readonly epsilon?: number;
  /** Of groups that say nothing else. Default 0.05. */
  readonly weightDecay?: number;
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it:
 * θ ← θ − η·λ·θ − η·m̂ / (√v̂ + ε), with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ), t the steps in which the parameter
 * had a gradient.
 * All parameters are changed by one kernel call. State: `first_moment.<name>`, `second_moment.<name>`.
 */
export class AdamW extends Optimizer {
  /** Decay rates of the two running means. */
  readonly betas: readonly [number, number];
  /** Added to the root of the second mean. */
  readonly epsilon: number;
  protected override readonly kinds = ["first_moment", "second_moment"] as const;

  /** @throws RangeError If a beta is not in [0, 1). */
  constructor(groups: readonly ParameterGroup[], options: AdamWOptions = {}) {
    super(groups, options.learningRate ?? 1e-3, options.weightDecay ?? 0.05);
    this.betas = options.betas ?? [0.9, 0.999];
    this.epsilon = options.epsilon ?? 1e-8;
    for (const beta of this.betas) {
      if (!(beta >= 0 && beta < 1)) {
        throw new RangeError(`AdamW: betas are [${this.betas.join(", ")}]; expected two numbers in [0, 1).`);
      }
    }
  }

  protected override apply(
    device: Device,
    active: readonly Slot[],
    learningRate: number,
    gradientScale: Tensor | null,
  ): void {
    device.run("adamW", active[0]!.parameter.dtype as "float32" | "float64", {
      scale: gradientScale,
      beta1: this.betas[0],
      beta2: this.betas[1],
      epsilon: this.epsilon,
      each: active.map(({ parameter, state, steps, weightDecay, learningRateScale }) => ({
        parameter,
        gradient: parameter.grad!,
        firstMoment: state.get("first_moment")!,
        secondMoment: state.get("second_moment")!,
        size: parameter.size,
        learningRate: learningRate * learningRateScale,
        weightDecay,
        step: steps,
      })),
    });
  }
}
