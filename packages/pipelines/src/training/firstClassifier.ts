import { resolve } from "node:path";
import type { Device } from "@splitmask/kernels";
import { Classifier } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { latestCheckpoint, type RunFolder } from "@splitmask/trainer";
import { VisionTransformer } from "@splitmask/vit";
import { type EncoderWeights, loadWeights, weightsHash } from "../runs/encoder.js";
import type { FinetuneDescription } from "../runs/finetuneDescription.js";
import { type FinetuneSources, readFirstEncoder } from "./finetunePlan.js";

/** The classifier as it is before training, its encoder with its first random weights. */
export function createClassifier(
  device: Device,
  { encoder, classes, config }: FinetuneDescription,
): Classifier {
  const { seed, labelSmoothing: smoothing, headDeviation } = config;
  return new Classifier(device, {
    encoder: new VisionTransformer(device, encoder, { seed }),
    classes: classes.length,
    ...{ seed, smoothing, headDeviation },
  });
}

/** Loads the pre-trained weights, where there are any. */
export function beginWith(task: Classifier, read: EncoderWeights | null): void {
  if (read === null) return;
  // The classifier has its norm behind the mean of the tokens instead.
  const weights = new Map([...read.weights].filter(([name]) => !name.startsWith("norm.")));
  loadWeights(task.model.encoder, { path: read.path, weights });
}

/**
 * The weights that a resumed run was started with; null where they were random, or where they are in its checkpoints
 * and not wanted again.
 *
 * @throws UsageError where those that are given are others.
 */
export async function readSameWeights(
  request: FinetuneSources,
  { pretrained, pretrainedWeights, pretrainedSteps }: FinetuneDescription,
  run: RunFolder,
): Promise<EncoderWeights | null> {
  if (pretrainedWeights === null) return null;
  // The run that they are from may have gone on since, or be gone.
  const isWanted = (await latestCheckpoint(run.checkpointsPath)) === null;
  if (!isWanted && pretrained === resolve(request.run)) return null;
  const { read } = await readFirstEncoder(request);
  if (read !== null && weightsHash(read.weights) === pretrainedWeights) return read;
  throw new UsageError(
    `--resume: the encoder's weights of ${request.run} are not those that the run was started with, of ` +
      `${pretrained} after ${pretrainedSteps} steps. Give the same run or checkpoint, or start a new run in ` +
      "another folder.",
  );
}
