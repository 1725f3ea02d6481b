import type { Module } from "@splitmask/nn";
import type { CheckpointLocation, CheckpointState } from "../checkpoint/checkpointFolder.js";
import type { CheckpointMoment, CheckpointWriter } from "../checkpoint/trainingCheckpoint.js";
import { isFiniteStep } from "./nonFinite.js";
import type { StepMetrics } from "./stepRunner.js";
import type { TrainedState } from "./trainedState.js";

/** What the latest checkpoint says. */
type SavedState = Pick<CheckpointState, "step" | "means" | "evaluation">;

/** A run's checkpoints as the loop sees them: when one is needed, and which steps stand behind it. Without a run folder it saves nothing. */
export class RunCheckpoints {
  readonly #writer: CheckpointWriter | null;
  readonly #onWritten: (location: CheckpointLocation) => void;
  /** The metrics of the steps since the last complete checkpoint, by index. */
  readonly #unsaved = new Map<number, Promise<StepMetrics>>();
  #saved: SavedState | null = null;

  constructor(writer: CheckpointWriter | null, onWritten: (location: CheckpointLocation) => void) {
    this.#writer = writer;
    this.#onWritten = onWritten;
  }

  /** The last complete one; null before the first. */
  get latest(): CheckpointLocation | null {
    return this.#writer?.latest ?? null;
  }

  /** The best one; null where there is none. */
  get best(): CheckpointLocation | null {
    return this.#writer?.best ?? null;
  }

  /** Begins a run; `damaged` are moved aside. */
  async begin(latest: CheckpointLocation | null, damaged: readonly string[]): Promise<void> {
    await this.#writer?.begin(latest, damaged);
  }

  /** The model stands as it was saved. */
  standAt(saved: SavedState): void {
    this.#unsaved.clear();
    this.#saved = saved;
  }

  /** Moves the latest one aside: `earlier` is then the latest. */
  async abandonLatest(earlier: CheckpointLocation): Promise<void> {
    await this.#writer?.abandonLatest(earlier);
  }

  /** A step was enqueued, and what it measures will come. */
  add(index: number, metrics: Promise<StepMetrics>): void {
    this.#unsaved.set(index, metrics);
  }

  /** The step with this index, and those after it, are left out. */
  leaveOut(index: number): void {
    for (const step of this.#unsaved.keys()) if (step >= index) this.#unsaved.delete(step);
  }

  /** Starts a checkpoint of what the steps enqueued so far give, unless there is one already; it is written while training goes on. */
  async save(moment: CheckpointMoment, model: Module, trained: TrainedState): Promise<void> {
    if (this.#writer === null) return;
    await this.#writer.settle();
    const { evaluation, step } = moment;
    const again = this.#saved?.step === step ? this.#saved : null;
    // What was saved without its evaluation, which is there now, is written anew.
    if (again !== null && (evaluation === null || again.evaluation)) return;
    // A step that is not known yet may have spoilt what follows it.
    const known = [...this.#unsaved].filter(([index]) => index < step).map(([, metrics]) => metrics);
    this.#writer.start(
      moment,
      model,
      trained,
      async () => again?.means ?? meanLosses(await Promise.all(known)),
      (location, means) => {
        for (const index of this.#unsaved.keys()) if (index < step) this.#unsaved.delete(index);
        this.#saved = { step, means, evaluation };
        this.#onWritten(location);
      },
    );
  }

  /** Throws the error of one that could not be written, as soon as that is known. */
  check(): void {
    this.#writer?.check();
  }

  /**
   * Resolves when nothing is being written.
   *
   * @throws Error when one could not be written.
   */
  async settle(): Promise<void> {
    await this.#writer?.settle();
  }
}

/** The mean of each loss; null where a step was not finite. */
function meanLosses(steps: readonly StepMetrics[]): Record<string, number> | null {
  if (!steps.every(isFiniteStep)) return null;
  const names = Object.keys(steps[0]?.losses ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      steps.reduce((sum, { losses }) => sum + (losses[name] ?? Number.NaN), 0) / steps.length,
    ]),
  );
}
