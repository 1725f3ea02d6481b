import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { type KernelRandomKey, kernelRandomKey, type RandomKey } from "../random.js";
import { checkSampleRows, type SampleRows } from "../samples.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

interface DropoutAttributes extends KernelRandomKey {
  readonly probability: number;
  readonly rows: number;
  readonly count: number;
  readonly total: number;
}

function drop(output: Tensor, input: Tensor, attributes: DropoutAttributes): Tensor {
  const columns = attributes.rows === 0 ? 0 : input.size / attributes.rows;
  output.device.run("dropout", floatingOf(output), { output, input, columns, ...attributes });
  return output;
}

/**
 * y = x·m with m = 1/(1 − p), or 0 with probability p; ∂/∂x = g·m. The mask is not kept: both directions draw it from
 * the key.
 */
export const dropoutOperation = defineOperation({
  name: "dropout",
  forward: ({ x }: { x: Tensor }, attributes: DropoutAttributes) => ({
    output: drop(empty(x.device, x.shape, x.dtype), x, attributes),
    saved: {},
  }),
  gradient: ({ outputGradient, attributes, needs, writableGradient }) => ({
    x: needs.x ? drop(writableGradient(), outputGradient, attributes) : null,
  }),
});

/** Options of `dropout`. */
export interface DropoutOptions {
  /** The probability that an element is dropped, from 0 to 1. */
  readonly probability: number;
  /** Whether this is training; otherwise nothing is dropped. */
  readonly training: boolean;
  /** What the choice depends on: the same key drops the same elements. Give each layer and each step its own. */
  readonly key: RandomKey;
  /**
   * Which samples of a batch of `total` samples are in x. They may be repeated, branch after branch. An element is
   * dropped exactly if it would be dropped in the whole batch. Default: x is the whole batch.
   */
  readonly rows?: SampleRows | undefined;
}

/**
 * Dropout (Srivastava et al. 2014): each element is set to zero with a probability, the others are divided by 1 −
 * probability, so that the mean stays the same. The first axis of x is the samples: sample b is drawn under the key
 * with `sample + b`. If nothing can be dropped, the result is x itself.
 *
 * @throws RangeError If the probability is not from 0 to 1, or `rows` do not fit x.
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  const { probability, training, key, rows: given } = options;
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`dropout: probability is ${probability}; expected a number from 0 to 1.`);
  }
  checkFloating("dropout", { x });
  if (!training || probability === 0) return x;
  const rows = x.shape[0] ?? 1;
  const { first, count, total } = given ?? { first: 0, count: Math.max(rows, 1), total: Math.max(rows, 1) };
  checkSampleRows("dropout", rows, { first, count, total });
  const { sample, ...rest } = kernelRandomKey(key);
  return perform(
    dropoutOperation,
    { x },
    { ...rest, sample: sample + first, probability, rows, count, total },
  );
}
