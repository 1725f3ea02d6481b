import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type HostTensor, type ProductPrecision, safetensorsParts } from "@splitmask/autograd";
import type { ExponentialMovingAverageOptions } from "@splitmask/optim";
import type { TimedState } from "../loop/timeBudget.js";
import type { ResolvedOptimizer } from "../loop/trainingOptimizer.js";
import type { ResolvedSchedule } from "../loop/trainingSchedule.js";
import { writeFailure } from "../runFolder/writeFailure.js";
import { CHECKSUMS, formatChecksums } from "./checksums.js";
import { type CheckpointFileSystem, nodeFileSystem } from "./fileSystem.js";

const PATTERN = /^step-(\d+)$/;
const PART = ".part";
const DAMAGED = ".damaged";
/** A file is written and hashed in pieces of this size, so that the event loop has its turns. */
const PIECE = 4 << 20;

/** What a run was made with; a resumed run has to agree, or it would not be the same run. */
export interface CheckpointSettings {
  /** Name of the task. */
  readonly task: string;
  /** Seed of all randomness. */
  readonly seed: number;
  /** The learning rate. */
  readonly schedule: ResolvedSchedule;
  /** How parameters are changed. */
  readonly optimizer: ResolvedOptimizer;
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

/** What a run has been through because of losses or gradients that were not finite. */
export interface RecoveryState {
  /** Steps that were left out, by number from 1. */
  readonly skipped: readonly number[];
  /** How often the run went back to a checkpoint. */
  readonly rollbacks: number;
  /** Factor of the learning rate. */
  readonly rateFactor: number;
}

/**
 * By what the best checkpoint is told: the lowest mean of a loss since the checkpoint before, or a figure of the
 * evaluation after its step.
 */
export type BestCheckpoint =
  | {
      /** Name of the loss, e.g. `"total"`. */
      readonly loss: string;
    }
  | {
      /** Name of the figure, e.g. `"knnAccuracy"`. */
      readonly figure: string;
      /** Which values of it are better. */
      readonly better: "lower" | "higher";
    };

/** `state.json` of a checkpoint. */
export interface CheckpointState {
  /** Version of the checkpoint's layout. */
  readonly format: 1;
  /** Number of steps done. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /**
   * How many of the optimizer's steps changed a parameter, by its name, where that is fewer than all of them.
   */
  readonly parameterSteps: Readonly<Record<string, number>>;
  /** What the run was made with. */
  readonly settings: CheckpointSettings;
  /** Means over the steps since the checkpoint before: the losses by name. */
  readonly means: Readonly<Record<string, number>>;
  /**
   * Figures of the evaluation after this step, by name; null (or, in checkpoints of earlier versions, not there) where
   * there was none.
   */
  readonly evaluation?: Readonly<Record<string, number>> | null;
  /** What the run has been through. */
  readonly recovery: RecoveryState;
  /**
   * Of a run with a time limit: how its number of steps came to be, and what was spent of the time; null for others.
   */
  readonly time: TimedState | null;
  /** Versions of what wrote it. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Where a checkpoint stands. */
export interface CheckpointLocation {
  /** Number of steps done when it was made. */
  readonly step: number;
  /** Its folder. */
  readonly path: string;
}

/** The checkpoints in a folder `checkpoints/`, earliest first; [] if there is no such folder. */
export async function listCheckpoints(folder: string): Promise<CheckpointLocation[]> {
  return (await namesIn(folder))
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
 * Writes a checkpoint `folder/step-000500`: one safetensors file for each name in `tensors`, `state.json`, and last
 * `SHA256SUMS`, which lists the others; into a temporary folder beside, every
 * file and the folder synced, then renamed. So a folder of that name is always complete. One that stands there already
 * is replaced.
 *
 * @throws Error (rejects) Where it cannot be written; what was written of it is removed, and earlier checkpoints are
 *   untouched.
 */
export async function writeCheckpoint(
  folder: string,
  state: CheckpointState,
  tensors: Readonly<Record<string, ReadonlyMap<string, HostTensor>>>,
  fileSystem: CheckpointFileSystem = nodeFileSystem,
): Promise<CheckpointLocation> {
  const path = join(folder, `step-${String(state.step).padStart(6, "0")}`);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}${PART}`;
  const digests = new Map<string, string>();
  const write = async (name: string, parts: readonly Uint8Array[]): Promise<void> => {
    digests.set(name, await writeFile(fileSystem, join(temporary, name), parts));
  };
  try {
    await fileSystem.makeFolder(temporary);
    for (const [name, named] of Object.entries(tensors))
      await write(`${name}.safetensors`, safetensorsParts(named, { format: "pt" }));
    await write("state.json", [Buffer.from(`${JSON.stringify(state, null, 2)}\n`)]);
    await write(CHECKSUMS, [Buffer.from(formatChecksums(digests))]);
    await fileSystem.syncFolder(temporary);
    if (existsSync(path)) await fileSystem.rename(path, `${temporary}.replaced${PART}`);
    await fileSystem.rename(temporary, path);
    await fileSystem.syncFolder(folder);
  } catch (error) {
    // Also gives a full disk its space back. Where that fails too, the next start does it.
    await fileSystem.remove(temporary).catch(() => undefined);
    throw new Error(
      `checkpoint: step ${state.step} could not be written to ${folder}: ${writeFailure(error)}.`,
      { cause: error },
    );
  }
  return { step: state.step, path };
}

/** Writes a new file and syncs it; returns its SHA-256. */
async function writeFile(
  fileSystem: CheckpointFileSystem,
  path: string,
  parts: readonly Uint8Array[],
): Promise<string> {
  const hash = createHash("sha256");
  const file = await fileSystem.create(path);
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length; at += PIECE) {
        const piece = part.subarray(at, at + PIECE);
        hash.update(piece);
        await file.write(piece);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/**
 * Moves a damaged checkpoint aside, so that a whole one may take its name. It goes when the next checkpoint is
 * complete.
 */
export async function setAside(path: string, fileSystem: CheckpointFileSystem): Promise<void> {
  await fileSystem.remove(`${path}${DAMAGED}`);
  await fileSystem.rename(path, `${path}${DAMAGED}`);
}

/** Removes the checkpoints of which `keeps` says no. */
export async function pruneCheckpoints(
  folder: string,
  keeps: (step: number) => boolean,
  fileSystem: CheckpointFileSystem = nodeFileSystem,
): Promise<void> {
  for (const { path, step } of await listCheckpoints(folder)) {
    // Renamed first: a folder of a checkpoint's name is complete or not there.
    if (!keeps(step)) await fileSystem.rename(path, `${path}${PART}`);
  }
  await removeLeftovers(folder, fileSystem);
}

/** Removes what a crash left half-written or half-removed. */
export async function removeLeftovers(folder: string, fileSystem: CheckpointFileSystem): Promise<void> {
  await removeEnding(folder, PART, fileSystem);
}

/** Removes damaged checkpoints that were set aside. */
export async function removeDamaged(folder: string, fileSystem: CheckpointFileSystem): Promise<void> {
  await removeEnding(folder, DAMAGED, fileSystem);
}

async function removeEnding(folder: string, ending: string, fileSystem: CheckpointFileSystem): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (name.endsWith(ending)) await fileSystem.remove(join(folder, name));
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
