import type { StepProgress, StepRecord, StudyStep } from "./step.js";

interface RunningStep {
  readonly step: StudyStep;
  readonly started: number;
  readonly progress: StepProgress | null;
}

/** How much time a study still takes: estimates, corrected by how long finished steps of the same kind took. */
export class TimeLeft {
  readonly #processes: number;
  readonly #waiting: Map<string, StudyStep>;
  readonly #running = new Map<string, RunningStep>();
  /** Measured and estimated seconds by kind. */
  readonly #measured = new Map<string, { measured: number; estimated: number }>();
  readonly total: number;
  #done = 0;

  constructor(steps: readonly StudyStep[], processes: number) {
    this.#waiting = new Map(steps.map((step) => [step.key, step]));
    this.#processes = processes;
    this.total = steps.length;
  }

  /** Steps that are done. */
  get done(): number {
    return this.#done;
  }

  /** The steps at hand, in the order in which they began. */
  get running(): readonly RunningStep[] {
    return [...this.#running.values()];
  }

  /** A step was done, now or earlier. */
  finish(step: StudyStep, { seconds }: Pick<StepRecord, "seconds">): void {
    this.#waiting.delete(step.key);
    this.#running.delete(step.key);
    this.#done++;
    if (seconds === null) return;
    const { kind } = step.work;
    const before = this.#measured.get(kind) ?? { measured: 0, estimated: 0 };
    this.#measured.set(kind, {
      measured: before.measured + seconds,
      estimated: before.estimated + step.seconds,
    });
  }

  start(step: StudyStep): void {
    this.#waiting.delete(step.key);
    this.#running.set(step.key, { step, started: performance.now(), progress: null });
  }

  progress(step: StudyStep, progress: StepProgress): void {
    const running = this.#running.get(step.key);
    if (running !== undefined) this.#running.set(step.key, { ...running, progress });
  }

  /** A step and those behind it will not be done. */
  drop(step: StudyStep): void {
    this.#running.delete(step.key);
    this.#waiting.delete(step.key);
    for (const behind of [...this.#waiting.values()]) if (behind.after === step.key) this.drop(behind);
  }

  /** Seconds of a step that has not begun. */
  #whole({ seconds, work }: StudyStep): number {
    const known = this.#measured.get(work.kind);
    return known === undefined ? seconds : (seconds * known.measured) / known.estimated;
  }

  /** Seconds that a step at hand still takes. */
  left({ progress, started, step }: RunningStep): number {
    if (progress?.secondsLeft != null) return progress.secondsLeft;
    const whole = this.#whole(step);
    // A step that takes longer than was estimated counts as nearly done.
    return Math.max(0.05 * whole, whole - (performance.now() - started) / 1000);
  }

  /** Seconds until all is done, if the processes are always busy. */
  get all(): number {
    const running = this.running.map((each) => this.left(each));
    const waiting = [...this.#waiting.values()].map((step) => this.#whole(step));
    const sum = [...running, ...waiting].reduce((total, seconds) => total + seconds, 0);
    return Math.max(sum / this.#processes, ...running, ...waiting, 0);
  }
}
