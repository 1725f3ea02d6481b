import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { HostTensor } from "@splitmask/autograd";
import type { View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { encoderView } from "@splitmask/methods";
import {
  averagesOf,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
  readCheckpointModel,
} from "@splitmask/trainer";
import { VisionTransformer } from "@splitmask/vit";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { preparedSettings, type RunDescription, readRun } from "./description.js";
import { methodOf, type RunMethod } from "./methodOf.js";

/** An encoder of a run. */
export interface LoadedEncoder {
  readonly encoder: VisionTransformer;
  /** Steps that it was trained for. */
  readonly step: number;
  /** Size and scale of the pictures that it sees. */
  readonly view: View;
}

/** The checkpoint that a path means: the folder itself, or the last one of a run folder. */
export async function findCheckpoint(
  path: string,
): Promise<{ run: string; checkpoint: { step: number; path: string } | null }> {
  const absolute = resolve(path);
  if (!existsSync(join(absolute, "config.json")) && existsSync(join(absolute, "state.json"))) {
    const run = dirname(dirname(absolute));
    const found = (await listCheckpoints(dirname(absolute))).find(
      (candidate) => basename(candidate.path) === basename(absolute),
    );
    return { run, checkpoint: found ?? null };
  }
  return { run: path, checkpoint: await latestCheckpoint(join(absolute, "checkpoints")) };
}

/**
 * The run that a run folder, a checkpoint folder or a file of weights is of; null where that cannot be told: whoever
 * reads more of it says why.
 */
export async function descriptionOf(path: string): Promise<RunDescription | null> {
  try {
    const { run } = await findCheckpoint(path.endsWith(".safetensors") ? dirname(path) : path);
    return (await readRun(run)).description;
  } catch {
    return null;
  }
}

/**
 * The range of values that a run was trained with: whatever its encoder is shown later is brought to 8 bits in the same
 * way, if nothing else is given. Null where its pictures had 8 bits.
 */
export async function trainedRange(run: string): Promise<string | null> {
  return (await descriptionOf(run))?.config.valueRange ?? null;
}

/** The weights of a checkpoint that are looked at: the moving average where the run keeps one. */
export async function readWeights(
  path: string,
  { config }: Pick<RunDescription, "config">,
): Promise<ReadonlyMap<string, HostTensor>> {
  if (!config.ema) return readCheckpointModel(path);
  return averagesOf((await readCheckpoint(path)).optimizer);
}

/** A run's encoder before it is built. */
export interface EncoderWeights {
  readonly description: RunDescription<PretrainingSettings>;
  readonly step: number;
  /** The folder of the checkpoint. */
  readonly path: string;
  /** The weights by timm's names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

/**
 * Reads the weights of a run folder's last checkpoint, or of a checkpoint folder.
 *
 * @param instead What to do without weights, for the error.
 */
export async function readEncoderWeights(path: string, instead: string): Promise<EncoderWeights> {
  const { run, checkpoint } = await findCheckpoint(path);
  const { description } = await readRun(run, "pretraining");
  if (checkpoint === null) {
    throw new Error(`${path}: there is no checkpoint yet. Wait for the first one, or use ${instead}.`);
  }
  const prefix = "encoder.";
  const tensors = [...(await readWeights(checkpoint.path, description))];
  const own = tensors.filter(([name]) => name.startsWith(prefix));
  const weights = new Map(own.map(([name, value]) => [name.slice(prefix.length), value]));
  return { description, ...checkpoint, weights };
}

/** A hash of weights by their names, shapes and values. */
export function weightsHash(weights: ReadonlyMap<string, HostTensor>): string {
  const hash = createHash("sha256");
  for (const [name, { data, shape }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${shape.join("×")} `).update(data);
  }
  return hash.digest("hex");
}

/** Loads weights into an encoder, with the checkpoint's name in the error. */
export function loadWeights(
  encoder: VisionTransformer,
  { path, weights }: Pick<EncoderWeights, "path" | "weights">,
): void {
  try {
    encoder.loadStateDict(weights);
  } catch (error) {
    throw new Error(
      `${path}: the weights are not those of the model in config.json: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/**
 * Builds the encoder of a run folder (its last checkpoint) or of a checkpoint folder, with its weights or those that
 * its method begins with.
 *
 * @throws Error where the path is no run, has no checkpoint yet, or its weights are of another model.
 */
export async function encoderOfRun(
  device: Device,
  { method: given, run, untrained }: RunMethod & { readonly run: string; readonly untrained?: boolean },
): Promise<LoadedEncoder> {
  if (untrained) {
    const { description } = await readRun((await findCheckpoint(run)).run, "pretraining");
    const settings = preparedSettings(description);
    const method = await methodOf(description, given);
    const task = method.create(device, settings, await method.preparation?.standIn(device, settings));
    return { encoder: task.model.encoder, step: 0, view: encoderView(settings) };
  }
  const read = await readEncoderWeights(run, "--untrained for the encoder before training");
  const { description, step } = read;
  const encoder = new VisionTransformer(device, description.encoder!, { seed: description.config.seed });
  loadWeights(encoder, read);
  return { encoder, step, view: encoderView(preparedSettings(description)) };
}
