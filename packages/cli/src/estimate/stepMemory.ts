import { type StepSettings, stepSizes } from "./stepSizes.js";

/** Logits that the vocabulary head holds at a time (`linearCrossEntropy`): 16 MiB, at least 64 rows. */
const logitsAtOnce = 4 << 20;

/**
 * The most that a training step holds on the device at once, in bytes, without the decoded pictures that are kept between steps. docs/performance.md counts it in words: what the blocks keep for
 * the backward pass, what lives as long as the run, and what the decoder's widest layer needs at the moment.
 *
 * @param settings Of the run.
 */
export function stepMemory(settings: StepSettings): number {
  const { width, depth, heads, decoderDepth, imageSize, patch, vocabulary, batch } = settings;
  const { accumulate, recompute, ema, onNan } = settings;
  const sizes = stepSizes(settings);
  const { patches, tokenizerPatch, encoderRows, decoderRows, hiddenRows, parameters } = sizes;

  // A block keeps its input, queries, keys, values, what attention made of them, the sum behind it, and the values before the GELU; four row statistics, and a log-sum-exp a head.
  const keptByToken = 10 * width + 4 + heads;
  const ofBlock = recompute ? width : keptByToken;
  const blocks = ofBlock * (depth * encoderRows + decoderDepth * decoderRows);
  const norms = (encoderRows + decoderRows) * (width + 2);
  const visiblePatches = encoderRows * 3 * patch ** 2;
  const head = vocabulary * (width + 1) + hiddenRows * width;

  // With its two moments and the copies of before the two steps in flight, of which skipping steps also has the moments'.
  const copies = 5 + (onNan === "skip" ? 4 : 0) + (ema === null ? 0 : onNan === "skip" ? 3 : 1);
  const state = (copies + (accumulate > 1 ? 1 : 0)) * parameters;
  const tokenizerSide = Math.sqrt(patches) * tokenizerPatch;
  // Of the step that runs and of the one that waits behind it.
  const views = 2 * batch * 3 * (imageSize ** 2 + tokenizerSide ** 2);
  const words = 2 * vocabulary * 3 * tokenizerPatch ** 2;

  const logits = Math.min(hiddenRows * vocabulary, Math.max(64 * vocabulary, logitsAtOnce));
  const atHead = hiddenRows * width + logits;
  const atDecoder = decoderRows * (5 * width + (recompute ? keptByToken : 0));
  const floats = blocks + norms + visiblePatches + head + state + views + words + Math.max(atHead, atDecoder);
  return 4 * floats;
}
