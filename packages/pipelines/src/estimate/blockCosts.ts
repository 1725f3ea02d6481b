/** The shape of the transformer blocks that a step runs. */
export interface BlockShape {
  /** D: width of the tokens. */
  readonly width: number;
  /** Attention heads. */
  readonly heads: number;
}

/** Floating-point operations of some blocks, a multiply-add counting as two. */
export interface BlockOperations {
  /** From input to output. */
  readonly forward: number;
  /** From the output's gradient to those of input and parameters. */
  readonly backward: number;
}

/**
 * Parameters of a block: queries, keys, values and projection 4·D², the two layers of the MLP 8·D²; biases 9·D and two norms 4·D.
 *
 * @param width D.
 */
export function blockParameters(width: number): number {
  return 12 * width ** 2 + 13 * width;
}

/**
 * Parameters of an encoder but for its last norm: the patch embedding, the positions and the blocks.
 *
 * @param shape Width, depth, and side of a patch in pixels.
 * @param patches N: patches of a picture.
 */
export function encoderParameters(
  { width, depth, patch }: { readonly width: number; readonly depth: number; readonly patch: number },
  patches: number,
): number {
  return depth * blockParameters(width) + 3 * patch ** 2 * width + width + patches * width;
}

/**
 * Numbers that a block keeps of each token for the backward pass: its input, queries, keys, values, what attention made of them, the sum behind it, and the values before the GELU; four row
 * statistics, and a log-sum-exp a head.
 */
export function keptByToken({ width, heads }: BlockShape): number {
  return 10 * width + 4 + heads;
}

/**
 * The operations of one block's products and attention, as a profile counts them (`kernelCost`).
 *
 * @param width D.
 * @param rows Tokens of the whole batch.
 * @param tokens Tokens that attend to each other.
 */
export function blockOperations(width: number, rows: number, tokens: number): BlockOperations {
  const linear = 24 * width ** 2 * rows;
  const attention = 4 * width * rows * tokens;
  // Each product has two gradients; attention forms its probabilities once more.
  return { forward: linear + attention, backward: 2 * linear + 2.5 * attention };
}

/**
 * Copies of the parameters that a run holds: with their two moments and those of before the two steps in flight, of which skipping steps also has the moments', and the gradients of micro-batches.
 *
 * @param settings Of the run.
 */
export function parameterCopies({
  accumulate,
  ema,
  onNan,
}: {
  readonly accumulate: number;
  readonly ema: number | null;
  readonly onNan: "stop" | "skip" | "rollback";
}): number {
  const skips = onNan === "skip";
  return 5 + (skips ? 4 : 0) + (ema === null ? 0 : skips ? 3 : 1) + (accumulate > 1 ? 1 : 0);
}
