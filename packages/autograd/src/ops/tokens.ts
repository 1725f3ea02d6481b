import { gather, scatter } from "../calls/tokens.js";
import { checkFloating, checkIntegers, checkRank } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

type TokenInputs = { readonly x: Tensor; readonly indices: Tensor };

/**
 * y[b,k,:] = x[b,i(b,k),:]; ∂/∂x[b,n,:] = Σ of g[b,k,:] over the k with i(b,k) = n (over all b too, where x is one
 * table).
 */
export const gatherTokensOperation = defineOperation({
  name: "gatherTokens",
  forward: ({ x, indices }: TokenInputs, _: null) => ({ output: gather(x, indices), saved: { indices } }),
  gradient: ({ outputGradient, saved, needs, shapes }) => ({
    x: needs.x ? scatter(outputGradient, saved.indices, shapes.x) : null,
    indices: null,
  }),
});

/** y[b,n,:] = Σ of x[b,k,:] over the k with i(b,k) = n; ∂/∂x[b,k,:] = g[b,i(b,k),:]. */
export const scatterTokensOperation = defineOperation({
  name: "scatterTokens",
  forward: ({ x, indices }: TokenInputs, { tokens }: { tokens: number }) => ({
    output: scatter(x, indices, [x.shape[0]!, tokens, x.shape[2]!]),
    saved: { indices },
  }),
  gradient: ({ outputGradient, saved, needs }) => ({
    x: needs.x ? gather(outputGradient, saved.indices) : null,
    indices: null,
  }),
});

/**
 * Picks tokens by index: B×N×D and int32 B×K → B×K×D. If x is N×D, all samples pick from this one table (an embedding,
 * positions). An index out of range is reported at the next `await`.
 *
 * @throws RangeError If x and indices differ in B.
 */
export function gatherTokens(x: Tensor, indices: Tensor): Tensor {
  checkFloating("gatherTokens", { x });
  checkIntegers("gatherTokens", "indices", indices);
  checkRank("gatherTokens", "x", x, [2, 3], "B×N×D, or N×D for one table");
  checkRank("gatherTokens", "indices", indices, [2], "B×K");
  if (x.rank === 3 && x.shape[0] !== indices.shape[0]) {
    throw new RangeError(
      `gatherTokens: x is ${formatShape(x.shape)} and indices is ${formatShape(indices.shape)}: ` +
        `${x.shape[0]} and ${indices.shape[0]} samples. ` +
        "Give each sample its row of indices, or pass x as one table N×D.",
    );
  }
  return perform(gatherTokensOperation, { x, indices }, null);
}

/**
 * Puts tokens at the given indices of a tensor of zeros: B×K×D and int32 indices B×K → B×tokens×D. Tokens with the same
 * index are added. An index out of range is reported at the next `await`.
 *
 * @throws RangeError If x and indices differ in B or K.
 */
export function scatterTokens(x: Tensor, indices: Tensor, tokens: number): Tensor {
  checkFloating("scatterTokens", { x });
  checkIntegers("scatterTokens", "indices", indices);
  checkRank("scatterTokens", "x", x, [3], "B×K×D");
  checkRank("scatterTokens", "indices", indices, [2], "B×K");
  if (x.shape[0] !== indices.shape[0] || x.shape[1] !== indices.shape[1]) {
    throw new RangeError(
      `scatterTokens: x is ${formatShape(x.shape)} and indices is ${formatShape(indices.shape)}; ` +
        `expected one index for each token, ${x.shape[0]}×${x.shape[1]}.`,
    );
  }
  if (!Number.isInteger(tokens) || tokens < 0) {
    throw new RangeError(
      `scatterTokens: tokens is ${tokens}; expected the whole number of places a sample has.`,
    );
  }
  return perform(scatterTokensOperation, { x, indices }, { tokens });
}
