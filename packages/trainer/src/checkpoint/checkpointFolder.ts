import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type HostTensor,
  type ProductPrecision,
  readSafetensors,
  syncFolder,
  writeSafetensors,
} from "@splitmask/autograd";
import type { ExponentialMovingAverageOptions } from "@splitmask/optim";

const PATTERN = /^step-(\d+)$/;
const PART = ".part";

/** What a run was made with; a resumed run has to agree, or it would not be the same run. */
export interface CheckpointSettings {
  /** Name of the task. */
  readonly task: string;
  /** Seed of all randomness. */
  readonly seed: number;
  /** Peak learning rate. */
  readonly base: number;
  /** Learning rate of the last step. */
  readonly minimum: number;
  /** Steps of linear warm-up. */
  readonly warmupSteps: number;
  /** Decay rates of AdamW's moments. */
  readonly betas: readonly [number, number];
  /** AdamW's ε. */
  readonly epsilon: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** The weight decay at the last step; null: it stays. */
  readonly weightDecayEnd: number | null;
  /** Layer-wise decay of the learning rate. */
  readonly layerDecay: number;
  /** Largest gradient norm; 0: no clipping. */
  readonly clipNorm: number;
  /** Whether that is of all gradients together or of each tensor. */
  readonly clipMode: "global" | "tensor";
  /** Micro-batches a batch. */
  readonly accumulate: number;
  /** The moving average of the weights; null: none. */
  readonly ema: Pick<ExponentialMovingAverageOptions, "decay" | "warmup"> | null;
  /** Names of parameters that stay as they are. */
  readonly freeze: readonly string[];
  /** Number format of the large products. */
  readonly precision: ProductPrecision;
}

/** `state.json` of a checkpoint. */
export interface CheckpointState {
  /** Version of the checkpoint's layout. */
  readonly format: 1;
  /** Number of steps done. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /** What the run was made with. */
  readonly settings: CheckpointSettings;
  /** Versions of what wrote it. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A checkpoint read from its folder. */
export interface Checkpoint {
  /** Its folder. */
  readonly path: string;
  /** Its `state.json`. */
  readonly state: CheckpointState;
  /** The model's tensors by parameter name. */
  readonly model: ReadonlyMap<string, HostTensor>;
  /** The optimizer's tensors. */
  readonly optimizer: ReadonlyMap<string, HostTensor>;
}

/** Where a complete checkpoint stands. */
export interface CheckpointLocation {
  /** Number of steps done when it was made. */
  readonly step: number;
  /** Its folder. */
  readonly path: string;
}

/** The complete checkpoints in a folder `checkpoints/`, earliest first; [] if there is no such folder. */
export async function listCheckpoints(folder: string): Promise<CheckpointLocation[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const match = PATTERN.exec(name);
      return match === null ? [] : [{ step: Number(match[1]), path: join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}

/** The checkpoint with the most steps; null if there is none. */
export async function latestCheckpoint(folder: string): Promise<CheckpointLocation | null> {
  return (await listCheckpoints(folder)).at(-1) ?? null;
}

/**
 * Writes a checkpoint `folder/step-000500` with `model.safetensors`, `optimizer.safetensors` and `state.json`: into a
 * temporary folder beside, synced, renamed. So a folder of that name is always complete. Does nothing if it exists.
 */
export async function writeCheckpoint(
  folder: string,
  state: CheckpointState,
  model: ReadonlyMap<string, HostTensor>,
  optimizer: ReadonlyMap<string, HostTensor>,
): Promise<CheckpointLocation> {
  const path = join(folder, `step-${String(state.step).padStart(6, "0")}`);
  if (existsSync(path)) return { step: state.step, path };
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}${PART}`;
  try {
    await mkdir(temporary, { recursive: true });
    await writeSafetensors(join(temporary, "model.safetensors"), model, { format: "pt" });
    await writeSafetensors(join(temporary, "optimizer.safetensors"), optimizer, { format: "pt" });
    const handle = await open(join(temporary, "state.json"), "wx");
    try {
      await handle.writeFile(`${JSON.stringify(state, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncFolder(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw new Error(
      `checkpoint: step ${state.step} could not be written to ${folder}: ${(error as Error).message}. Earlier checkpoints are untouched.`,
      { cause: error },
    );
  }
  await syncFolder(folder);
  return { step: state.step, path };
}

/** Removes all but the `keep` latest complete checkpoints, and what a crash left half-written. `keep` ≥ 1. */
export async function pruneCheckpoints(folder: string, keep: number): Promise<void> {
  for (const { path } of (await listCheckpoints(folder)).slice(0, -keep)) {
    // Renamed first: a folder of a checkpoint's name is complete or not there.
    await rename(path, `${path}${PART}`);
  }
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith(PART)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Reads a checkpoint's folder.
 *
 * @throws Error when it is not a checkpoint, or of a layout that this version does not know.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const state = await readState(path);
  const model = await readSafetensors(join(path, "model.safetensors"));
  const optimizer = await readSafetensors(join(path, "optimizer.safetensors"));
  return { path, state, model: model.tensors, optimizer: optimizer.tensors };
}

async function readState(path: string): Promise<CheckpointState> {
  const file = join(path, "state.json");
  let state: { format?: unknown };
  try {
    state = JSON.parse(await readFile(file, "utf8")) as { format?: unknown };
  } catch (error) {
    throw new Error(
      `checkpoint: ${path} is not a checkpoint: ${(error as Error).message}. Give a folder such as checkpoints/step-000500.`,
    );
  }
  if (state.format !== 1) {
    throw new Error(
      `checkpoint: ${file} has format ${JSON.stringify(state.format)}; this version reads format 1. Use the version that wrote it.`,
    );
  }
  return state as CheckpointState;
}
