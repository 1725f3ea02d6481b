import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostTensor, parseSafetensors } from "@splitmask/autograd";
import { type CheckpointState, listCheckpoints } from "./checkpointFolder.js";
import { CHECKSUMS, parseChecksums } from "./checksums.js";

const STATE = "state.json";

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

/** A checkpoint's files are not those that were written: cut off, changed, or gone. */
export class DamagedCheckpointError extends Error {
  /** `"DamagedCheckpointError"`. */
  override readonly name = "DamagedCheckpointError";
  /** Folder of the checkpoint. */
  readonly path: string;
  /** What is wrong with which of its files, in a few words. */
  readonly reason: string;

  /** @internal */
  constructor(path: string, reason: string) {
    super(
      `checkpoint: ${path} is not a whole checkpoint: ${reason}. Take an earlier one (resume does so by ` +
        "itself); a whole one is a folder such as checkpoints/step-000500.",
    );
    this.path = path;
    this.reason = reason;
  }
}

/**
 * Reads a checkpoint's folder and compares every file with its checksum.
 *
 * @throws DamagedCheckpointError (rejects) Where a file is not as it was written, or is not there.
 * @throws Error (rejects) Where the checkpoint is of a layout that this version does not know.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const digests = await readChecksums(path);
  const files = new Map<string, Buffer>();
  for (const name of digests.keys()) files.set(name, await readVerified(path, name, digests));
  const file = (name: string): Buffer => {
    const bytes = files.get(name);
    if (bytes === undefined) throw new DamagedCheckpointError(path, `${name} is not in ${CHECKSUMS}`);
    return bytes;
  };
  const tensors = (name: string) => parseSafetensors(file(name), join(path, name)).tensors;
  const state = JSON.parse(file(STATE).toString("utf8")) as CheckpointState;
  if (state.format !== 1) {
    throw new Error(
      `checkpoint: ${join(path, STATE)} has format ${JSON.stringify(state.format)}; ` +
        "this version reads format 1. Use the version that wrote it.",
    );
  }
  return { path, state, model: tensors("model.safetensors"), optimizer: tensors("optimizer.safetensors") };
}

/**
 * Reads the model's tensors of a checkpoint, by parameter name, and compares that file alone with its checksum.
 *
 * @throws DamagedCheckpointError (rejects) Where the file is not as it was written, or is not there.
 */
export async function readCheckpointModel(path: string): Promise<ReadonlyMap<string, HostTensor>> {
  const name = "model.safetensors";
  const bytes = await readVerified(path, name, await readChecksums(path));
  return parseSafetensors(bytes, join(path, name)).tensors;
}

/**
 * Reads the latest whole checkpoint in a folder `checkpoints/`; those that are damaged are passed over.
 *
 * @param onDamaged Hears of each that is passed over, latest first.
 * @param before Only checkpoints of fewer steps. Default: all.
 * @returns null where there is no checkpoint.
 * @throws Error (rejects) Where there are checkpoints and all are damaged: each is named.
 */
export async function readLatestCheckpoint(
  folder: string,
  onDamaged: (error: DamagedCheckpointError) => void = () => undefined,
  before = Number.POSITIVE_INFINITY,
): Promise<Checkpoint | null> {
  const damaged: DamagedCheckpointError[] = [];
  for (const { path, step } of (await listCheckpoints(folder)).reverse()) {
    if (step >= before) continue;
    try {
      const checkpoint = await readCheckpoint(path);
      for (const error of damaged) onDamaged(error);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof DamagedCheckpointError)) throw error;
      damaged.push(error);
    }
  }
  if (damaged.length === 0) return null;
  throw new Error(
    `resume: no checkpoint in ${folder} is whole:\n  ` +
      `${damaged.map(({ path, reason }) => `${path}: ${reason}`).join("\n  ")}\nNothing was changed. ` +
      "Bring one back from a copy, or start the run anew.",
  );
}

async function readChecksums(path: string): Promise<ReadonlyMap<string, string>> {
  const digests = parseChecksums((await readPart(path, CHECKSUMS)).toString("latin1"));
  if (digests === null) throw new DamagedCheckpointError(path, `${CHECKSUMS} was changed`);
  return digests;
}

async function readVerified(
  path: string,
  name: string,
  digests: ReadonlyMap<string, string>,
): Promise<Buffer> {
  const bytes = await readPart(path, name);
  if (createHash("sha256").update(bytes).digest("hex") !== digests.get(name)) {
    throw new DamagedCheckpointError(path, `${name} was changed (its SHA-256 is not that in ${CHECKSUMS})`);
  }
  return bytes;
}

async function readPart(path: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(path, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")
      throw new DamagedCheckpointError(path, `${name} is missing`);
    if (code === "EIO") throw new DamagedCheckpointError(path, `${name} cannot be read from the disk (EIO)`);
    throw error;
  }
}
