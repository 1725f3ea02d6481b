import { zerosLike } from "../calls/blocks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { enterScope, record, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

interface CheckpointAttributes {
  readonly compute: (x: Tensor) => Tensor;
  readonly parameters: readonly Tensor[];
}

/** y = f(x; parameters). The gradients are those of f, which runs once more, recorded, when they are asked for. */
export const checkpointOperation = defineOperation({
  name: "checkpoint",
  forward: (inputs: readonly Tensor[], { compute }: CheckpointAttributes) => {
    const x = inputs[0]!;
    return { output: compute(x), saved: { x } };
  },
  gradient: ({ outputGradient, saved, attributes: { compute, parameters }, needs }) => {
    const x = saved.x.alias();
    x.requiresGrad = needs[0]!;
    const leaves = [x, ...parameters];
    // What the parameters have gathered so far waits aside: the tape adds to it what is returned here.
    const gathered = leaves.map((leaf) => leaf.grad);
    for (const leaf of leaves) leaf.grad = null;
    try {
      scope(x.device, () => {
        const output = record(x.device, () => compute(x));
        if (output.requiresGrad) output.backward(outputGradient);
      });
      return leaves.map((leaf, index) => {
        if (!needs[index]) {
          leaf.grad?.dispose();
          return null;
        }
        if (leaf.grad === null) return zerosLike(leaf, leaf.shape);
        // Leaf gradients outlive scopes; this one is the rule's.
        enterScope(x.device, leaf.grad);
        return leaf.grad;
      });
    } finally {
      for (const [index, leaf] of leaves.entries()) leaf.grad = gathered[index]!;
      x.dispose();
    }
  },
});

/**
 * Runs `compute` without keeping what its backward pass needs; there it runs once more (Chen et al. 2016, arXiv
 * 1604.06174). Memory for time: of a transformer block only the input is kept, for about a third more time. The
 * gradients have the same bits.
 *
 * @param compute A function of x and the parameters that gives the same result each time: what is random in it comes
 * from keys.
 * @param x The input; kept for the backward pass.
 * @param parameters Every leaf that `compute` uses besides x and that may require a gradient.
 * @returns compute(x).
 */
export function checkpoint(
  compute: (x: Tensor) => Tensor,
  x: Tensor,
  parameters: readonly Tensor[] = [],
): Tensor {
  return perform(checkpointOperation, [x, ...parameters], { compute, parameters });
}
