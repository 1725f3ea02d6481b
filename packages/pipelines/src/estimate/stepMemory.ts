import { keptByToken, parameterCopies } from "./blockCosts.js";
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
  const { width, depth, heads, decoderDepth, imageSize, patch, vocabulary, batch, recompute } = settings;
  const sizes = stepSizes(settings);
  const { patches, tokenizerPatch, encoderRows, decoderRows, hiddenRows, parameters } = sizes;

  const kept = keptByToken({ width, heads });
  const ofBlock = recompute ? width : kept;
  const blocks = ofBlock * (depth * encoderRows + decoderDepth * decoderRows);
  const norms = (encoderRows + decoderRows) * (width + 2);
  const visiblePatches = encoderRows * 3 * patch ** 2;
  const head = vocabulary * (width + 1) + hiddenRows * width;

  const state = parameterCopies(settings) * parameters;
  const tokenizerSide = Math.sqrt(patches) * tokenizerPatch;
  // Of the step that runs and of the one that waits behind it.
  const views = 2 * batch * 3 * (imageSize ** 2 + tokenizerSide ** 2);
  const words = 2 * vocabulary * 3 * tokenizerPatch ** 2;

  const logits = Math.min(hiddenRows * vocabulary, Math.max(64 * vocabulary, logitsAtOnce));
  const atHead = hiddenRows * width + logits;
  const atDecoder = decoderRows * (5 * width + (recompute ? kept : 0));
  const floats = blocks + norms + visiblePatches + head + state + views + words + Math.max(atHead, atDecoder);
  return 4 * floats;
}
