import { blockOperations } from "./blockCosts.js";
import { type StepSettings, stepSizes } from "./stepSizes.js";

/** Floating-point operations of a training step, a multiply-add counting as two. */
export interface StepOperations {
  /** Of the transformer blocks: linear layers and attention, forward and backward. */
  readonly blocks: number;
  /** Of the products with the visual words, which are much larger than those of the blocks: tokenizing and the vocabulary head; and of the patch embedding. */
  readonly words: number;
}

/**
 * Counts the operations of a step's products and attention, as a profile counts them (`kernelCost`).
 *
 * @param settings Of the run.
 */
export function stepOperations(settings: StepSettings): StepOperations {
  const { width, depth, decoderDepth, patch, vocabulary, accumulate, recompute, matchWeight } = settings;
  const { patches, visible, tokenizerPatch, pictures, encoderRows, decoderRows, hiddenRows } =
    stepSizes(settings);
  const encoder = blockOperations(width, encoderRows, visible);
  const decoder = blockOperations(width, decoderRows, patches);
  const forward = depth * encoder.forward + decoderDepth * decoder.forward;
  const backward = depth * encoder.backward + decoderDepth * decoder.backward;
  // Micro-batches that are compared with each other are embedded once before.
  const embeddedBefore = accumulate > 1 && matchWeight > 0 ? 1 : 0;
  const embedding = 2 * encoderRows * 3 * patch ** 2 * width;
  const head = 3 * 2 * hiddenRows * width * vocabulary;
  const tokenizing = 2 * pictures * patches * 3 * tokenizerPatch ** 2 * vocabulary;
  return {
    blocks: accumulate * ((1 + (recompute ? 1 : 0) + embeddedBefore) * forward + backward),
    words: accumulate * ((2 + embeddedBefore) * embedding + head + tokenizing),
  };
}
