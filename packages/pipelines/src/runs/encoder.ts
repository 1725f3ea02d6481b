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

/** Which encoder is wanted. */
export interface EncoderRequest extends RunMethod {
  /** A run folder (its last checkpoint), or a checkpoint folder inside one. */
  readonly run: string;
  /** The same encoder as it was before training. */
  readonly untrained?: boolean;
}

/** An encoder of a run. */
export interface LoadedEncoder {
  /** The encoder. */
  readonly encoder: VisionTransformer;
  /** Steps that it was trained for; 0 for an untrained one. */
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
 * The weights of a checkpoint that are looked at: the moving average where the run keeps one.
 *
 * @param path The checkpoint's folder.
 * @param description The run that it belongs to.
 */
export async function readWeights(
  path: string,
  { config }: Pick<RunDescription, "config">,
): Promise<ReadonlyMap<string, HostTensor>> {
  if (!config.ema) return readCheckpointModel(path);
  return averagesOf((await readCheckpoint(path)).optimizer);
}

/** A run's encoder before it is built. */
export interface EncoderWeights {
  /** The run that it comes from. */
  readonly description: RunDescription<PretrainingSettings>;
  /** Steps that it was trained for. */
  readonly step: number;
  /** The folder of the checkpoint. */
  readonly path: string;
  /** The weights by timm's names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

/**
 * Reads the weights of a run's encoder.
 *
 * @param path A run folder (its last checkpoint), or a checkpoint folder inside one.
 * @param instead What to do without weights, for the error.
 * @throws Error where the path is no run, or has no checkpoint yet.
 */
export async function readEncoderWeights(path: string, instead: string): Promise<EncoderWeights> {
  const { run, checkpoint } = await findCheckpoint(path);
  const { description } = await readRun(run, "pretraining");
  if (checkpoint === null) {
    throw new Error(`${path}: there is no checkpoint yet. Wait for the first one, or use ${instead}.`);
  }
  const tensors = await readWeights(checkpoint.path, description);
  const prefix = "encoder.";
  const weights = new Map(
    [...tensors].flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
    ),
  );
  return { description, step: checkpoint.step, path: checkpoint.path, weights };
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
 * Builds a run's encoder and loads its weights.
 *
 * @param device Where it goes.
 * @param request Which one.
 * @throws Error where the path is no run, has no checkpoint yet, or its weights are of another model.
 */
export async function loadEncoder(device: Device, request: EncoderRequest): Promise<LoadedEncoder> {
  if (request.untrained === true) {
    const { run } = await findCheckpoint(request.run);
    const { description } = await readRun(run, "pretraining");
    const encoder = await firstEncoder(device, description, request.method);
    return { encoder, step: 0, view: encoderView(preparedSettings(description)) };
  }
  const read = await readEncoderWeights(request.run, "--untrained for the encoder before training");
  const { description, step } = read;
  const encoder = new VisionTransformer(device, description.encoder, { seed: description.config.seed });
  loadWeights(encoder, read);
  return { encoder, step, view: encoderView(preparedSettings(description)) };
}

/** The encoder with the first weights that its method gives it. */
async function firstEncoder(
  device: Device,
  description: RunDescription<PretrainingSettings>,
  given: RunMethod["method"],
): Promise<VisionTransformer> {
  const method = await methodOf(description, given);
  const settings = preparedSettings(description);
  return method.create(device, settings, method.preparation?.standIn(device, settings)).model.encoder;
}
