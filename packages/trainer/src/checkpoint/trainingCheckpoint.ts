import type { HostTensor } from "@splitmask/autograd";
import type { Module } from "@splitmask/nn";
import type { TrainedState } from "../loop/trainedState.js";
import {
  type CheckpointLocation,
  type CheckpointSettings,
  type CheckpointState,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpointFolder.js";
import { assertSameSettings, assertSameShapes } from "./compatibility.js";

/** What a checkpoint says of its run. */
export interface CheckpointMoment {
  /** Number of steps done. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /** What the run was made with. */
  readonly settings: CheckpointSettings;
}

/** Writes a run's checkpoints, one at a time, while training goes on. */
export class CheckpointWriter {
  readonly #folder: string;
  readonly #keep: number;
  #latest: CheckpointLocation | null = null;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  /** Checkpoints in `folder`, of which the last `keep` stay. */
  constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  /** The last complete checkpoint that this writer made or was told of; null before the first. */
  get latest(): CheckpointLocation | null {
    return this.#latest;
  }

  /** Removes what a crash left half-written; `latest` is the checkpoint that the run goes on from. */
  async clean(latest: CheckpointLocation | null): Promise<void> {
    this.#latest = latest;
    await pruneCheckpoints(this.#folder, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Starts a checkpoint of the state after the steps enqueued so far, and returns at once: what it reads is on the queue, behind these steps and before
   * those that follow.
   *
   * @param isGood whether the last of these steps was finite; otherwise nothing is written.
   */
  start(
    moment: CheckpointMoment,
    model: Module,
    optimizer: TrainedState,
    isGood: () => Promise<boolean>,
    onWritten: (location: CheckpointLocation) => void,
  ): void {
    const reading = Promise.all([model.hostStateDict(), optimizer.hostStateDict()]);
    this.#writing = this.#write(moment, reading, isGood, onWritten);
    this.#writing.catch((error: Error) => {
      this.#failure = error;
    });
  }

  async #write(
    moment: CheckpointMoment,
    reading: Promise<[Map<string, HostTensor>, { tensors: Map<string, HostTensor> }]>,
    isGood: () => Promise<boolean>,
    onWritten: (location: CheckpointLocation) => void,
  ): Promise<void> {
    const [model, { tensors }] = await reading;
    if (!(await isGood())) return;
    const state: CheckpointState = { format: 1, ...moment, versions: { node: process.version } };
    this.#latest = await writeCheckpoint(this.#folder, state, model, tensors);
    await pruneCheckpoints(this.#folder, this.#keep);
    onWritten(this.#latest);
  }

  /** Throws the error of a checkpoint that could not be written, as soon as that is known. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Resolves when nothing is being written.
   *
   * @throws Error when a checkpoint could not be written.
   */
  settle(): Promise<void> {
    return this.#writing;
  }
}

/**
 * Loads a checkpoint into a model and its optimizer, or changes nothing.
 *
 * @param settings what the run is made with now, given the state that was found.
 * @throws Error listing the tensors or settings that differ.
 */
export async function restoreCheckpoint(
  path: string,
  model: Module,
  optimizer: TrainedState,
  settings: (state: CheckpointState) => CheckpointSettings,
): Promise<CheckpointState> {
  const checkpoint = await readCheckpoint(path);
  const { state } = checkpoint;
  const parameters = model.namedParameters();
  assertSameShapes("model", path, checkpoint.model, parameters);
  assertSameSettings(path, state.settings, settings(state));
  optimizer.loadStateDict({ step: state.step, tensors: checkpoint.optimizer });
  model.loadStateDict(checkpoint.model);
  return state;
}
