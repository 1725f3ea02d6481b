import type { TrainingRates } from "../settings/facts.js";
import {
  type BlockOperations,
  type BlockShape,
  blockOperations,
  encoderParameters,
  keptByToken,
  parameterCopies,
} from "./blockCosts.js";
import { besideProducts } from "./runTime.js";

/** The encoder that is fine-tuned. */
export interface EncoderShape extends BlockShape {
  /** Blocks. */
  readonly depth: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
}

/** The settings that the cost of a fine-tuning step depends on. */
export interface FinetuneStep {
  /** The encoder. */
  readonly encoder: EncoderShape;
  /** Number of classes. */
  readonly classes: number;
  /** Side of the crop in pixels. */
  readonly imageSize: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Micro-batches. */
  readonly accumulate: number;
  /** Whether blocks run once more in the backward pass. */
  readonly recompute: boolean;
  /** Decay of the moving average; null: none. */
  readonly ema: number | null;
  /** What happens at a loss that is not finite. */
  readonly onNan: "stop" | "skip" | "rollback";
  /** Alpha of mixup. */
  readonly mixup: number;
  /** Alpha of CutMix. */
  readonly cutmix: number;
}

/** Parameters of encoder, norm and head. */
export function classifierParameters({ encoder, classes, imageSize }: FinetuneStep): number {
  const { width, patch } = encoder;
  return encoderParameters(encoder, (imageSize / patch) ** 2) + 2 * width + classes * (width + 1);
}

/**
 * How long a fine-tuning step takes, in seconds: its operations at the machine's rates. Frozen blocks count as trained ones.
 *
 * @param step The settings.
 * @param rates Measured on this machine.
 */
export function finetuneStepTime(step: FinetuneStep, rates: TrainingRates): number {
  const { accumulate, batch, encoder, imageSize, recompute } = step;
  const pictures = batch / accumulate;
  const { blocks, embedding } = encoderOperations(encoder, imageSize, pictures);
  const work = (recompute ? 2 : 1) * blocks.forward + blocks.backward;
  return besideProducts * accumulate * (work / rates.blocks + (2 * embedding) / rates.words);
}

/**
 * How long an encoder takes to look at a picture without training, in seconds.
 *
 * @param encoder The encoder.
 * @param imageSize Side of the picture in pixels.
 * @param rates Measured on this machine.
 */
export function encodingTime(encoder: EncoderShape, imageSize: number, rates: TrainingRates): number {
  const { blocks, embedding } = encoderOperations(encoder, imageSize, 1);
  return blocks.forward / rates.blocks + embedding / rates.words;
}

/** The operations of all blocks, and of the patch embedding's forward product. */
function encoderOperations(
  { depth, patch, width }: EncoderShape,
  imageSize: number,
  pictures: number,
): { readonly blocks: BlockOperations; readonly embedding: number } {
  const tokens = (imageSize / patch) ** 2;
  const { backward, forward } = blockOperations(width, pictures * tokens, tokens);
  return {
    blocks: { forward: depth * forward, backward: depth * backward },
    embedding: 2 * pictures * tokens * 3 * patch ** 2 * width,
  };
}

/**
 * The most that a fine-tuning step holds on the device at once, in bytes, without the decoded pictures that are kept between steps.
 *
 * @param step The settings.
 */
export function finetuneStepMemory(step: FinetuneStep): number {
  const { accumulate, batch, cutmix, encoder, imageSize, mixup, recompute } = step;
  const { depth, patch, width } = encoder;
  const rows = (batch / accumulate) * (imageSize / patch) ** 2;
  const kept = keptByToken(encoder);
  const blocks = (recompute ? width : kept) * depth * rows;
  const patches = rows * 3 * patch ** 2;
  const state = parameterCopies(step) * classifierParameters(step);
  // Of the step that runs and of the one that waits behind it; mixed pictures lie beside those that they are made of.
  const views = (mixup + cutmix > 0 ? 3 : 2) * batch * 3 * imageSize ** 2;
  const atMlp = rows * (5 * width + (recompute ? kept : 0));
  return 4 * (blocks + patches + state + views + atMlp);
}
