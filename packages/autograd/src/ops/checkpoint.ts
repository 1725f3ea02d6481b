import { zerosLike } from "../calls/blocks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { enterScope, record, scope } from "../scope.js";
import { Tensor } from "../tensor.js";

interface CheckpointAttributes {
  readonly compute: (...inputs: Tensor[]) => Tensor;
  readonly parameters: readonly Tensor[];
}

/** y = f(inputs; parameters). The gradients are those of f, which runs once more, recorded, when they are asked for. */
export const checkpointOperation = defineOperation({
  name: "checkpoint",
  forward: (all: readonly Tensor[], { compute, parameters }: CheckpointAttributes) => {
    const inputs = all.slice(0, all.length - parameters.length);
    return { output: compute(...inputs), saved: Object.fromEntries(inputs.entries()) };
  },
  gradient: ({ outputGradient, saved, attributes: { compute, parameters }, needs }) => {
    const inputs = Object.values(saved).map((input, index) => {
      const leaf = input.alias();
      leaf.requiresGrad = needs[index]!;
      return leaf;
    });
    const leaves = [...inputs, ...parameters];
    // What the parameters have gathered so far waits aside: the tape adds to it what is returned here.
    const gathered = leaves.map((leaf) => leaf.grad);
    for (const leaf of leaves) leaf.grad = null;
    try {
      scope(outputGradient.device, () => {
        const output = record(outputGradient.device, () => compute(...inputs));
        if (output.requiresGrad) output.backward(outputGradient);
      });
      return leaves.map((leaf, index) => {
        if (!needs[index]) {
          leaf.grad?.dispose();
          return null;
        }
        if (leaf.grad === null) return zerosLike(leaf, leaf.shape);
        // Leaf gradients outlive scopes; this one is the rule's.
        enterScope(leaf.device, leaf.grad);
        return leaf.grad;
      });
    } finally {
      for (const [index, leaf] of leaves.entries()) leaf.grad = gathered[index]!;
      for (const input of inputs) input.dispose();
    }
  },
});

/**
 * Runs `compute` without keeping what its backward pass needs, and runs it again in the backward pass (gradient
 * checkpointing; Chen et al. 2016, arXiv 1604.06174). This saves memory and costs time: a transformer block keeps only
 * its input, and takes about a third more time. The gradients have the same bits.
 *
 * @param compute A function of inputs and parameters that gives the same result each time; its random numbers come from
 * keys.
 * @param x The input or a list of inputs, leaves or computed tensors; kept for the backward pass.
 * @param parameters Every leaf that `compute` uses besides its inputs and that may require a gradient.
 * @returns compute(x), or compute(...x) for a list.
 */
export function checkpoint(
  compute: (...inputs: Tensor[]) => Tensor,
  x: Tensor | readonly [Tensor, ...Tensor[]],
  parameters: readonly Tensor[] = [],
): Tensor {
  const inputs = x instanceof Tensor ? [x] : x;
  return perform(checkpointOperation, [...inputs, ...parameters], { compute, parameters });
}
