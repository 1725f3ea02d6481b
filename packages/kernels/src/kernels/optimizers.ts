import { defineListKernel } from "./defineKernel.js";
import { none, one, perSize, size, twice } from "./extents.js";

/** Optimizers and their gradients: all parameters in one call. */
export const optimizers = {
  /**
   * output[0] = √Σ‖gradient‖² over the list; output[1] = min(1, maximum / (output[0] + 1e-6)) (1 if maximum is 0: no
   * clipping).
   */
  gradientNorm: defineListKernel({
    integers: [],
    values: ["maximum"],
    buffers: { output: { output: true, extent: () => 2 } },
    operations: none,
    each: { integers: ["size"], buffers: { gradient: { extent: size } }, operations: perSize(2) },
  }),
  /**
   * AdamW (decoupled decay, bias correction by each item's `step` ≥ 1, eps outside the root as in PyTorch). scale, if
   * given, 1 element: factor on all gradients (at offset 1 of gradientNorm's output).
   */
  adamW: defineListKernel({
    integers: [],
    values: ["beta1", "beta2", "epsilon"],
    buffers: { scale: { optional: true, extent: one } },
    operations: none,
    each: {
      integers: ["size", "step"],
      values: ["learningRate", "weightDecay"],
      buffers: {
        parameter: { output: true, extent: size, traffic: twice(size) },
        gradient: { extent: size },
        firstMoment: { output: true, extent: size, traffic: twice(size) },
        secondMoment: { output: true, extent: size, traffic: twice(size) },
      },
      operations: perSize(14),
    },
  }),
  /**
   * SGD with momentum as in PyTorch (dampening 0; decay added to the gradient); momentum buffer zeros before a
   * parameter's first step, null when momentum is 0. Where `adapt` is 1, LARS (You et al. 2017): the decayed gradient,
   * gradient + weightDecay·parameter, is first scaled by trustCoefficient·‖parameter‖ / (‖gradient‖ +
   * weightDecay·‖parameter‖ + epsilon), by 1 if either norm is 0; norms are of the scaled gradient.
   */
  sgd: defineListKernel({
    integers: ["nesterov"],
    values: ["momentum", "trustCoefficient", "epsilon"],
    buffers: { scale: { optional: true, extent: one } },
    operations: none,
    each: {
      integers: ["size", "adapt"],
      values: ["learningRate", "weightDecay"],
      buffers: {
        // Norms have to be known before the first number is changed.
        parameter: { output: true, extent: size, traffic: (n) => (2 + n.adapt) * n.size },
        gradient: { extent: size, traffic: (n) => (1 + n.adapt) * n.size },
        momentumBuffer: { output: true, optional: true, extent: size, traffic: twice(size) },
      },
      operations: (n) => (6 + 5 * n.adapt) * n.size,
    },
  }),
  /**
   * Each gradient of the list by itself, in place: times min(1, maximum / (‖gradient‖ + 1e-6)) (as it is if maximum is
   * 0). output[0] = √Σ‖gradient‖² before.
   */
  clipGradients: defineListKernel({
    integers: [],
    values: ["maximum"],
    buffers: { output: { output: true, extent: one } },
    operations: none,
    each: {
      integers: ["size"],
      buffers: { gradient: { output: true, extent: size } },
      operations: perSize(2),
    },
  }),
  /** average ← average + weight·(value − average), as torch.lerp rounds it: weight 1 copies, bit for bit. */
  moveAverages: defineListKernel({
    integers: [],
    values: ["weight"],
    buffers: {},
    operations: none,
    each: {
      integers: ["size"],
      buffers: { average: { output: true, extent: size, traffic: twice(size) }, value: { extent: size } },
      operations: perSize(3),
    },
  }),
};
