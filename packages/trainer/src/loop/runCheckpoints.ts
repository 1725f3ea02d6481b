import type { Module } from "@splitmask/nn";
import type { CheckpointLocation, CheckpointState } from "../checkpoint/checkpointFolder.js";
import type { CheckpointMoment, CheckpointWriter } from "../checkpoint/trainingCheckpoint.js";
import { isFiniteStep } from "./nonFinite.js";
import type { StepMetrics } from "./stepRunner.js";
import type { TrainedState } from "./trainedState.js";

/** What the latest checkpoint says. */
type SavedState = Pick<CheckpointState, "step" | "means" | "evaluation">;

/**
 * A run's checkpoints as the loop sees them: when one is needed, and which steps stand behind it. Without a run folder
 * it saves nothing.
 */
export class RunCheckpoints {
  readonly #writer: CheckpointWriter | null;
  readonly #onWritten: (location: CheckpointLocation) => void;
  /** The metrics of the steps on the queue, by index. */
  readonly #inFlight = new Map<number, Promise<StepMetrics>>();
  /** The losses of the steps since the last complete checkpoint; sums, because there may be any number of them. */
  #losses = new LossSums();
  /** What has to be told apart of them while one is being written: the losses of the steps before it. */
  #writing: { readonly step: number; readonly losses: LossSums } | null = null;
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
    this.#inFlight.clear();
    this.#losses = new LossSums();
    this.#writing = null;
    this.#saved = saved;
  }

  /** Moves the latest one aside: `earlier` is then the latest. */
  async abandonLatest(earlier: CheckpointLocation): Promise<void> {
    await this.#writer?.abandonLatest(earlier);
  }

  /** A step was enqueued, and what it measures will come. */
  add(index: number, metrics: Promise<StepMetrics>): void {
    if (this.#writer !== null) this.#inFlight.set(index, metrics);
  }

  /** The step with this index is done, and finite. */
  done(index: number, { losses }: StepMetrics): void {
    if (!this.#inFlight.delete(index)) return;
    const before = this.#writing !== null && index < this.#writing.step;
    (before ? this.#writing!.losses : this.#losses).add(losses);
  }

  /** The step with this index, and those after it, are left out. */
  leaveOut(index: number): void {
    for (const step of this.#inFlight.keys()) if (step >= index) this.#inFlight.delete(step);
  }

  /**
   * Starts a checkpoint of what the steps enqueued so far give, unless there is one already; it is written while
   * training goes on.
   */
  async save(moment: CheckpointMoment, model: Module, trained: TrainedState): Promise<void> {
    if (this.#writer === null) return;
    await this.#writer.settle();
    const { evaluation, step } = moment;
    const again = this.#saved?.step === step ? this.#saved : null;
    // What was saved without its evaluation, which is there now, is written anew.
    if (again !== null && (evaluation === null || again.evaluation)) return;
    // One that was begun and not written leaves its steps to this one.
    const losses = this.#writing?.losses.plus(this.#losses) ?? this.#losses;
    const known = losses.copy();
    const inFlight = [...this.#inFlight.values()];
    this.#writing = { step, losses };
    this.#losses = new LossSums();
    this.#writer.start(
      moment,
      model,
      trained,
      async () => again?.means ?? meanLosses(known, await Promise.all(inFlight)),
      (location, means) => {
        this.#writing = null;
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

/** The sum of each loss over some steps. */
class LossSums {
  #steps = 0;
  #sums: Readonly<Record<string, number>> = {};

  add(losses: StepMetrics["losses"]): void {
    this.#add(1, losses);
  }

  copy(): LossSums {
    return this.plus(new LossSums());
  }

  /** Over the steps of both. */
  plus(other: LossSums): LossSums {
    const both = new LossSums();
    for (const part of [this, other]) if (part.#steps > 0) both.#add(part.#steps, part.#sums);
    return both;
  }

  get means(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#steps]));
  }

  #add(steps: number, sums: Readonly<Record<string, number>>): void {
    const names = Object.keys(this.#steps === 0 ? sums : this.#sums);
    this.#sums = Object.fromEntries(
      names.map((name) => [name, (this.#sums[name] ?? 0) + (sums[name] ?? Number.NaN)]),
    );
    this.#steps += steps;
  }
}

/**
 * The mean of each loss over the steps that are known and those that were not; null where one of these was not finite,
 * and may have spoilt what follows it.
 */
function meanLosses(known: LossSums, others: readonly StepMetrics[]): Record<string, number> | null {
  if (!others.every(isFiniteStep)) return null;
  for (const { losses } of others) known.add(losses);
  return known.means;
}
