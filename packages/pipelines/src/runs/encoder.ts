import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { HostTensor } from "@splitmask/autograd";
import type { ChannelNumbers, View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { encoderView } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import {
  averagesOf,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
  readCheckpointModel,
} from "@splitmask/trainer";
import {
  modelFileName,
  type ReadEncoderOptions,
  readEncoder,
  VisionTransformer,
  type VisionTransformerConfig,
} from "@splitmask/vit";
import { isDescription, preparedSettings, type RunDescription, readRun } from "./description.js";
import { methodOf, type RunMethod } from "./methodOf.js";

/** An encoder of a run, or of a file. */
export interface LoadedEncoder {
  readonly encoder: VisionTransformer;
  /** Steps that it was trained for; null: a file does not say. */
  readonly step: number | null;
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

/** An encoder before it is built. */
export interface EncoderWeights extends Pick<LoadedEncoder, "step" | "view"> {
  readonly config: VisionTransformerConfig;
  /** The folder of the checkpoint, or the file. */
  readonly path: string;
  /** The weights by timm's names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

/** Whether a path is an encoder's file, or a folder of timm's or transformers' with one, and no run. */
export function isEncoderFile(path: string): boolean {
  if (path.endsWith(".safetensors")) return true;
  // Checkpoints and fine-tuned runs have a file of that name too.
  if (!existsSync(join(path, modelFileName)) || existsSync(join(path, "state.json"))) return false;
  const config = join(path, "config.json");
  return !existsSync(config) || !isDescription(JSON.parse(readFileSync(config, "utf8")));
}

/** Reads an encoder that is no run's. */
async function readEncoderFile(given: string, options: ReadEncoderOptions): Promise<EncoderWeights> {
  const { config, normalization, path, tensors } = await readEncoder(given, options);
  const { mean, std } = normalization;
  const [height, width] = config.imageSize;
  if (height !== width || config.channels !== 3) {
    throw new Error(
      `${path}: the encoder sees ${height}×${width} pixels with ${config.channels} channels; expected a square of 3.`,
    );
  }
  const view = { size: height, mean: mean as ChannelNumbers, std: std as ChannelNumbers };
  return { config, view, path, step: null, weights: tensors };
}

/** What the settings say of an encoder. */
export function sizesOf({ config, view }: Pick<EncoderWeights, "config" | "view">) {
  const { depth, heads, layerScale = null, patchSize: patch, width } = config;
  return { depth, heads, imageSize: view.size, layerScale, patch, width };
}

/** Where weights come from, for decisions and errors. */
export function originOf(path: string, step: number | null): string {
  return step === null ? path : `${path} after ${step.toLocaleString("en")} steps`;
}

/**
 * Reads the weights of a run folder's last checkpoint, of a checkpoint folder, or of an encoder's file.
 *
 * @param instead What to do without weights, for the error.
 * @param options What a file does not say.
 */
export async function readEncoderWeights(
  path: string,
  instead: string,
  options: ReadEncoderOptions = {},
): Promise<EncoderWeights> {
  if (isEncoderFile(path)) return readEncoderFile(path, options);
  const { run, checkpoint } = await findCheckpoint(path);
  const { description } = await readRun(run, "pretraining");
  if (checkpoint === null) {
    throw new Error(`${path}: there is no checkpoint yet. Wait for the first one, or use ${instead}.`);
  }
  const prefix = "encoder.";
  const tensors = [...(await readWeights(checkpoint.path, description))];
  const own = tensors.filter(([name]) => name.startsWith(prefix));
  const weights = new Map(own.map(([name, value]) => [name.slice(prefix.length), value]));
  return {
    config: description.encoder!,
    view: encoderView(preparedSettings(description)),
    ...checkpoint,
    weights,
  };
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
      `${path}: the weights are not those of the model that it should be: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/**
 * Builds the encoder of a run folder (its last checkpoint), of a checkpoint folder or of an encoder's file, with its
 * weights or those that its method begins with.
 *
 * @throws Error where the path is no run, has no checkpoint yet, or its weights are of another model.
 */
export async function encoderOfRun(
  device: Device,
  { method: given, run, untrained }: RunMethod & { readonly run: string; readonly untrained?: boolean },
): Promise<LoadedEncoder> {
  if (untrained) {
    if (isEncoderFile(run)) {
      throw new UsageError(
        `--untrained: ${run} is a file of weights, and only a run knows what its encoder began with. Give a run.`,
      );
    }
    const { description } = await readRun((await findCheckpoint(run)).run, "pretraining");
    const settings = preparedSettings(description);
    const method = await methodOf(description, given);
    const task = method.create(device, settings, await method.preparation?.standIn(device, settings));
    return { encoder: task.model.encoder, step: 0, view: encoderView(settings) };
  }
  const read = await readEncoderWeights(run, "--untrained for the encoder before training");
  const encoder = new VisionTransformer(device, read.config);
  loadWeights(encoder, read);
  return { encoder, step: read.step, view: read.view };
}
