import { gather, scatter } from "../calls/tokens.js";
import { checkFloating, checkIntegers, checkRank } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import { floatingOf, type Tensor } from "../tensor.js";

/**
 * y[…,:] = weight[i(…),:]; ∂/∂weight[v,:] = Σ of g over the places with i = v, in their order; 0 for the padding index.
 */
export const embeddingOperation = defineOperation({
  name: "embedding",
  forward: (
    { weight, indices }: { weight: Tensor; indices: Tensor },
    _: { readonly paddingIndex: number | null },
  ) => ({
    output: gather(weight, indices.alias([1, indices.size])).alias([...indices.shape, weight.shape[1]!]),
    saved: { indices },
  }),
  gradient: ({ outputGradient: g, saved: { indices }, attributes: { paddingIndex }, needs, shapes }) => {
    if (!needs.weight) return { weight: null, indices: null };
    const weight = scatter(g, indices.alias([1, indices.size]), shapes.weight);
    if (paddingIndex !== null) {
      const width = shapes.weight[1]!;
      const output = weight.alias([width], paddingIndex * width);
      weight.device.run("fill", floatingOf(weight), { output, size: width, value: 0 });
    }
    return { weight, indices: null };
  },
});

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** The row that gets no gradient: what stands for no word. Negative: counted from the end. Default: none. */
  readonly paddingIndex?: number | undefined;
}

/**
 * Looks up rows by index: weight V×D and int32 indices of any shape, e.g. B×N → B×N×D. The gradient adds up by rows, in
 * the same order for any number of threads. An index out of range is reported at the next `await`.
 *
 * @throws RangeError If the weight is not V×D, or there is no row `paddingIndex`.
 */
export function embedding(weight: Tensor, indices: Tensor, { paddingIndex }: EmbeddingOptions = {}): Tensor {
  checkFloating("embedding", { weight });
  checkIntegers("embedding", "indices", indices);
  checkRank("embedding", "weight", weight, [2], "V×D");
  const rows = weight.shape[0]!;
  const padding = paddingIndex === undefined ? null : paddingIndex < 0 ? paddingIndex + rows : paddingIndex;
  if (padding !== null && !(Number.isInteger(padding) && padding >= 0 && padding < rows)) {
    throw new RangeError(
      `embedding: paddingIndex is ${paddingIndex} and weight is ${formatShape(weight.shape)}; ` +
        `expected a whole number from ${-rows} to ${rows - 1}.`,
    );
  }
  return perform(embeddingOperation, { weight, indices }, { paddingIndex: padding });
}
