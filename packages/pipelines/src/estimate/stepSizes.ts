import type { ResolvedConfig } from "../settings/resolvedConfig.js";
import { blockParameters, encoderParameters } from "./blockCosts.js";

/** The settings that a step's cost depends on. */
export type StepSettings = Pick<
  ResolvedConfig,
  | "width"
  | "depth"
  | "heads"
  | "imageSize"
  | "patch"
  | "decoderDepth"
  | "vocabulary"
  | "mask"
  | "batch"
  | "accumulate"
  | "recompute"
  | "matchWeight"
  | "precision"
  | "ema"
  | "onNan"
>;

/** How much one micro-batch holds, counted from the settings alone. */
export interface StepSizes {
  /** N: patches of a picture. */
  readonly patches: number;
  /** K: patches that a branch sees. */
  readonly visible: number;
  /** Side of a patch in the tokenizer's view, in pixels. */
  readonly tokenizerPatch: number;
  /** Pictures of a micro-batch. */
  readonly pictures: number;
  /** Tokens that go through the encoder: both branches of every picture. */
  readonly encoderRows: number;
  /** Tokens that go through the decoder. */
  readonly decoderRows: number;
  /** Tokens whose words are predicted. */
  readonly hiddenRows: number;
  /** Numbers that are trained: encoder, decoder and vocabulary head. */
  readonly parameters: number;
  /** Those of the encoder alone. */
  readonly encoderParameters: number;
}

/**
 * Counts a step's rows and parameters.
 *
 * @param settings Of the run.
 */
export function stepSizes(settings: StepSettings): StepSizes {
  const { width, depth, imageSize, patch, decoderDepth, vocabulary, mask, batch, accumulate } = settings;
  const patches = (imageSize / patch) ** 2;
  const visible = mask === "block" ? Math.floor(patches / 2) : Math.floor(patches / 4);
  const pictures = batch / accumulate;
  const norm = 2 * width;
  const ofEncoder = encoderParameters({ width, depth, patch }, patches) + norm;
  return {
    patches,
    visible,
    tokenizerPatch: Math.min(8, patch),
    pictures,
    encoderRows: 2 * pictures * visible,
    decoderRows: 2 * pictures * patches,
    hiddenRows: 2 * pictures * (patches - visible),
    parameters: ofEncoder + decoderDepth * blockParameters(width) + norm + width + vocabulary * (width + 1),
    encoderParameters: ofEncoder,
  };
}
