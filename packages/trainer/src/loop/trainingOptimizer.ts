import type { Module } from "@splitmask/nn";
import { AdamW, LARS, type Optimizer, parameterGroups, SGD } from "@splitmask/optim";
import { requireAtLeast, requireKind } from "./requirements.js";

/** What all optimizers do alike. */
interface ParameterTreatment {
  /**
   * Weight decay; not applied to biases, norms, positions and tokens. Default 0.05 for AdamW (BEiT's), where it is
   * decoupled; 0 for the others, where it is added to the gradient.
   */
  readonly weightDecay?: number;
  /**
   * The weight decay at the last step, to which it moves along a cosine, as DINO's from 0.04 to 0.4. Default: it stays.
   */
  readonly weightDecayEnd?: number;
  /**
   * Layer-wise decay of the learning rate for fine-tuning a vision transformer: each layer has this times the next
   * one's; BEiT's is 0.65. Default 1.
   */
  readonly layerDecay?: number;
}

/** Adam with decoupled weight decay; the default. */
export interface AdamWTrainingOptimizer extends ParameterTreatment {
  /** Tells the optimizers apart; may be left out. */
  readonly kind?: "adamw";
  /** Decay rates of the moments. Default `[0.9, 0.999]`. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
}

/** Stochastic gradient descent with momentum. */
export interface SGDTrainingOptimizer extends ParameterTreatment {
  /** Tells the optimizers apart. */
  readonly kind: "sgd";
  /** How much of the last direction stays. Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form. Default false. */
  readonly nesterov?: boolean;
}

/** SGD whose steps follow each matrix's length, for very large batches. */
export interface LARSTrainingOptimizer extends ParameterTreatment {
  /** Tells the optimizers apart. */
  readonly kind: "lars";
  /** How much of the last direction stays. Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form. Default false. */
  readonly nesterov?: boolean;
  /** The length of a step over that of the matrix. Default 1e-3. */
  readonly trustCoefficient?: number;
  /** Added to the denominator. Default 1e-8. */
  readonly epsilon?: number;
}

/** How parameters are changed. The defaults are those of `@splitmask/optim`. */
export type TrainingOptimizer = AdamWTrainingOptimizer | SGDTrainingOptimizer | LARSTrainingOptimizer;

/** An optimizer's fields, each decided. */
type Decided<Fields> = Required<Omit<Fields, "weightDecayEnd">> & {
  /** The weight decay at the last step; null: it stays. */
  readonly weightDecayEnd: number | null;
};

/** An optimizer with everything decided: what checkpoints say of it. */
export type ResolvedOptimizer =
  | Decided<AdamWTrainingOptimizer>
  | Decided<SGDTrainingOptimizer>
  | Decided<LARSTrainingOptimizer>;

const kinds = ["adamw", "sgd", "lars"] as const;

/**
 * Fills in the defaults.
 *
 * @throws RangeError naming the field that makes no sense.
 */
export function resolveOptimizer(optimizer: TrainingOptimizer): ResolvedOptimizer {
  const { kind = "adamw", layerDecay = 1, weightDecayEnd = null } = optimizer;
  requireKind("optimizer.kind", kind, kinds);
  const weightDecay = optimizer.weightDecay ?? (kind === "adamw" ? 0.05 : 0);
  requireAtLeast("optimizer.weightDecay", weightDecay, 0);
  if (weightDecayEnd !== null) {
    requireAtLeast("optimizer.weightDecayEnd", weightDecayEnd, 0);
    if (weightDecay === 0) {
      throw new RangeError(
        `train: optimizer.weightDecayEnd is ${weightDecayEnd}, but optimizer.weightDecay is 0, ` +
          "which nothing is decayed with. Begin with a small number, e.g. 1e-6.",
      );
    }
  }
  const treatment = { weightDecay, weightDecayEnd, layerDecay };
  switch (optimizer.kind) {
    case "sgd": {
      const { momentum = 0.9, nesterov = false } = optimizer;
      return { kind: "sgd", momentum, nesterov, ...treatment };
    }
    case "lars": {
      const { epsilon = 1e-8, momentum = 0.9, nesterov = false, trustCoefficient = 1e-3 } = optimizer;
      return { kind: "lars", momentum, nesterov, trustCoefficient, epsilon, ...treatment };
    }
    default: {
      const { betas = [0.9, 0.999], epsilon = 1e-8 } = optimizer;
      return { kind: "adamw", betas, epsilon, ...treatment };
    }
  }
}

/** The optimizer of a model's parameters that require gradients. */
export function createOptimizer(model: Module, settings: ResolvedOptimizer): Optimizer {
  const groups = parameterGroups(model, settings);
  switch (settings.kind) {
    case "adamw":
      return new AdamW(groups, settings);
    case "sgd":
      return new SGD(groups, settings);
    case "lars":
      return new LARS(groups, settings);
  }
}
