import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostTensor } from "@splitmask/autograd";
import type { Module } from "@splitmask/nn";
import type { OptimizerState } from "@splitmask/optim";
import type { TimedState } from "../loop/timeBudget.js";
import type { TrainedState } from "../loop/trainedState.js";
import {
  type BestCheckpoint,
  type CheckpointLocation,
  type CheckpointSettings,
  type CheckpointState,
  listCheckpoints,
  pruneCheckpoints,
  type RecoveryState,
  removeDamaged,
  removeLeftovers,
  setAside,
  writeCheckpoint,
} from "./checkpointFolder.js";
import { assertSameSettings, assertSameShapes } from "./compatibility.js";
import type { CheckpointFileSystem } from "./fileSystem.js";
import type { Checkpoint } from "./readCheckpoint.js";

/** What a checkpoint says of its run. */
export interface CheckpointMoment {
  /** Number of steps done. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /** What the run was made with. */
  readonly settings: CheckpointSettings;
  /** Figures of the evaluation after this step; null where there was none. */
  readonly evaluation: Readonly<Record<string, number>> | null;
  /** What the run has been through. */
  readonly recovery: RecoveryState;
  /** Of a run with a time limit. */
  readonly time: TimedState | null;
}

/** Which checkpoints stay. */
export interface CheckpointRetention {
  /** So many of the latest. */
  readonly latest: number;
  /** And the best by this; null: none for being good. */
  readonly best: BestCheckpoint | null;
}

/** Writes a run's checkpoints, one at a time, while training goes on. */
export class CheckpointWriter {
  readonly #folder: string;
  readonly #retention: CheckpointRetention;
  readonly #fileSystem: CheckpointFileSystem;
  readonly #scores = new Map<number, { readonly score: number; readonly path: string }>();
  #latest: CheckpointLocation | null = null;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(folder: string, retention: CheckpointRetention, fileSystem: CheckpointFileSystem) {
    this.#folder = folder;
    this.#retention = retention;
    this.#fileSystem = fileSystem;
  }

  /** The last complete checkpoint that this writer made or was told of; null before the first. */
  get latest(): CheckpointLocation | null {
    return this.#latest;
  }

  /** The best checkpoint by what counts, the later of equals; null where there is none. */
  get best(): CheckpointLocation | null {
    let best: (CheckpointLocation & { readonly score: number }) | null = null;
    for (const [step, { score, path }] of this.#scores) {
      if (best === null || score < best.score || (score === best.score && step > best.step))
        best = { step, path, score };
    }
    return best === null ? null : { step: best.step, path: best.path };
  }

  /**
   * Begins or goes on with a run: moves damaged checkpoints aside, and removes what a crash left half-written and the
   * checkpoints that it left unpruned.
   *
   * @param latest The checkpoint that the run goes on from.
   */
  async begin(latest: CheckpointLocation | null, damaged: readonly string[]): Promise<void> {
    this.#latest = latest;
    for (const path of damaged) await setAside(path, this.#fileSystem);
    await removeLeftovers(this.#folder, this.#fileSystem);
    for (const { path, step } of await listCheckpoints(this.#folder)) {
      // Only what is best is taken from here: a file that is not JSON will be found when it is read as a checkpoint.
      const text = await readFile(join(path, "state.json"), "utf8").catch(() => "{}");
      this.#score(step, path, parseState(text));
    }
    await this.#prune();
  }

  /**
   * Moves the latest checkpoint aside, because what follows from it is not finite at any rate; `earlier` is then the
   * latest.
   */
  async abandonLatest(earlier: CheckpointLocation): Promise<void> {
    if (this.#latest === null) return;
    await setAside(this.#latest.path, this.#fileSystem);
    this.#scores.delete(this.#latest.step);
    this.#latest = earlier;
  }

  /**
   * Starts a checkpoint of the state after the steps enqueued so far, and returns at once: what it reads is on the
   * queue, behind these steps and before
   * those that follow.
   *
   * @param means resolves to the mean losses since the checkpoint before when the steps are done; null where one of
   *   them was not finite: then nothing is written.
   */
  start(
    moment: CheckpointMoment,
    model: Module,
    optimizer: TrainedState,
    means: () => Promise<Readonly<Record<string, number>> | null>,
    onWritten: (location: CheckpointLocation, means: Readonly<Record<string, number>>) => void,
  ): void {
    const reading = Promise.all([model.hostStateDict(), optimizer.hostStateDict()]);
    this.#writing = this.#write(moment, reading, means, onWritten);
    this.#writing.catch((error: Error) => {
      this.#failure = error;
    });
  }

  async #write(
    moment: CheckpointMoment,
    reading: Promise<[Map<string, HostTensor>, OptimizerState<HostTensor>]>,
    read: () => Promise<Readonly<Record<string, number>> | null>,
    onWritten: (location: CheckpointLocation, means: Readonly<Record<string, number>>) => void,
  ): Promise<void> {
    const [model, { parameterSteps, tensors: optimizer }] = await reading;
    const means = await read();
    if (means === null) return;
    const state: CheckpointState = {
      format: 1,
      ...moment,
      parameterSteps: Object.fromEntries(parameterSteps),
      means,
      versions: { node: process.version },
    };
    try {
      this.#latest = await writeCheckpoint(this.#folder, state, { model, optimizer }, this.#fileSystem);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(
        this.#latest === null
          ? `${message} None was written before.`
          : `${message} The last good one is ${this.#latest.path}: mend the disk, then resume from there.`,
        { cause: error },
      );
    }
    this.#score(this.#latest.step, this.#latest.path, state);
    await this.#prune();
    // A whole one has taken the place of those that were damaged.
    await removeDamaged(this.#folder, this.#fileSystem);
    onWritten(this.#latest, means);
  }

  #score(step: number, path: string, { evaluation, means }: Partial<CheckpointState>): void {
    const { best } = this.#retention;
    if (best === null) return;
    const value = "loss" in best ? means?.[best.loss] : evaluation?.[best.figure];
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    this.#scores.set(step, { score: "loss" in best || best.better === "lower" ? value : -value, path });
  }

  async #prune(): Promise<void> {
    const steps = (await listCheckpoints(this.#folder)).map(({ step }) => step);
    const kept = new Set(steps.slice(-this.#retention.latest));
    if (this.best !== null) kept.add(this.best.step);
    for (const step of this.#scores.keys()) if (!kept.has(step)) this.#scores.delete(step);
    await pruneCheckpoints(this.#folder, (step) => kept.has(step), this.#fileSystem);
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

function parseState(text: string): Partial<CheckpointState> {
  try {
    return JSON.parse(text) as Partial<CheckpointState>;
  } catch {
    return {};
  }
}

/**
 * Loads a checkpoint into a model and its optimizer, or changes nothing.
 *
 * @param settings what the run is made with now.
 * @throws Error listing the tensors or settings that differ.
 */
export function restoreCheckpoint(
  { path, state, ...tensors }: Checkpoint,
  model: Module,
  optimizer: TrainedState,
  settings: CheckpointSettings,
): void {
  assertSameShapes("model", path, tensors.model, model.namedParameters());
  assertSameSettings(path, state.settings, settings);
  // Steps that were left out did not count for the optimizer.
  const step = state.step - state.recovery.skipped.length;
  const parameterSteps = new Map(Object.entries(state.parameterSteps));
  optimizer.loadStateDict({ step, parameterSteps, tensors: tensors.optimizer });
  model.loadStateDict(tensors.model);
}
