import type { ChannelNumbers, DatasetIdentity } from "@splitmask/data";
import { RunFolder } from "@splitmask/trainer";
import type { VisionTransformerConfig } from "@splitmask/vit";
import type { FinetuneConfig } from "../settings/finetuneConfig.js";
import type { Choice } from "../settings/resolve.js";
import type { ResolvedFinetuneConfig } from "../settings/resolveFinetune.js";
import { otherRun } from "./runKind.js";

/**
 * What `config.json` of a fine-tuning run holds: everything that is needed to build the model and to go on with the
 * run.
 */
export interface FinetuneDescription {
  /** Version of this layout. */
  readonly format: 1;
  /** The method. */
  readonly method: "classifier";
  /** The pre-training run that gave the encoder's shape and normalization, absolute; or its checkpoint. */
  readonly pretrained: string;
  /** Steps that the encoder was pre-trained for; null where it begins with its first random weights. */
  readonly pretrainedSteps: number | null;
  /** Hash of the weights that the encoder begins with; null where they are random. */
  readonly pretrainedWeights: string | null;
  /** The training pictures, absolute. */
  readonly train: string;
  /** The test pictures, absolute. */
  readonly test: string;
  /** How many training pictures were chosen. */
  readonly pictureCount: number;
  /** What the training pictures are, wherever they lie; null where their format does not tell. */
  readonly trainIdentity: DatasetIdentity | null;
  /** The same of the test pictures. */
  readonly testIdentity: DatasetIdentity | null;
  /** The class names, by label. */
  readonly classes: readonly string[];
  /** The encoder. */
  readonly encoder: VisionTransformerConfig;
  /** The settings, every one decided. */
  readonly config: ResolvedFinetuneConfig;
  /** The fields that were given. */
  readonly given: FinetuneConfig;
  /** Mean of red, green and blue in 0…1, as in pre-training. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of red, green and blue in 0…1, as in pre-training. */
  readonly std: ChannelNumbers;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/**
 * Takes the description out of a fine-tuning run's folder.
 *
 * @throws Error where `config.json` is not one of `splitmask finetune`.
 */
export function finetuneDescribedBy(run: RunFolder): FinetuneDescription {
  const description = run.config as Partial<FinetuneDescription> | null;
  if (description?.format !== 1 || description.method !== "classifier") {
    throw otherRun(run, "classifier");
  }
  return description as FinetuneDescription;
}

/** Reads a fine-tuning run's description without taking its lock. */
export async function readFinetuneRun(path: string): Promise<FinetuneDescription> {
  return finetuneDescribedBy(await RunFolder.open(path, { write: false }));
}
