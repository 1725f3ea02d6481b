import { setImmediate } from "node:timers/promises";
import { ExponentialMovingAverage, freeze, type Optimizer, thaw } from "@splitmask/optim";
import type { CheckpointLocation } from "../checkpoint/checkpointFolder.js";
import { type Checkpoint, readLatestCheckpoint } from "../checkpoint/readCheckpoint.js";
import { CheckpointWriter, restoreCheckpoint } from "../checkpoint/trainingCheckpoint.js";
import { batchCutter } from "./accumulation.js";
import { BatchError } from "./batchError.js";
import { EvaluationError, Evaluator } from "./evaluation.js";
import { givenPlan } from "./givenPlan.js";
import { HealthMonitor } from "./health.js";
import { IdleClock } from "./idleClock.js";
import { LoggerError } from "./metricsLogger.js";
import { isFiniteStep, NonFiniteError } from "./nonFinite.js";
import type { PlanHistory } from "./planPosition.js";
import { preparedBatches } from "./preparedBatches.js";
import { Recovery } from "./recovery.js";
import { Rhythm } from "./rhythm.js";
import { RunCheckpoints } from "./runCheckpoints.js";
import { planRun, type RunPlan } from "./runPlan.js";
import { RunReporter } from "./runReporter.js";
import { type ResolvedSettings, resolveSettings } from "./settings.js";
import { StateHistory } from "./stateHistory.js";
import { type StepMetrics, type StepMoment, StepRunner } from "./stepRunner.js";
import { TimeBudget } from "./timeBudget.js";
import { timeSteps } from "./timeSteps.js";
import { traceNonFinite } from "./traceNonFinite.js";
import { TrainedState } from "./trainedState.js";
import { createOptimizer } from "./trainingOptimizer.js";
import type { TrainOptions, TrainResult } from "./trainOptions.js";
import { untilAborted } from "./untilAborted.js";

/** Steps that wait on the queue behind the one that runs. */
const RUN_AHEAD = 1;

/** A step on the queue. */
interface StepInFlight<Batch> {
  readonly index: number;
  readonly batch: Batch;
  readonly learningRate: number;
  readonly progress: number;
  /** Milliseconds that the device had nothing to do because the batch was not ready. */
  readonly waited: number;
  readonly metrics: Promise<StepMetrics>;
  readonly health: Promise<Readonly<Record<string, number>>> | null;
}

/**
 * Trains a task: an optimizer and its schedule, clipping, checkpoints, resume, evaluations. Nothing waits for the
 * device but the reading of
 * a step's metrics, one step behind, so the event loop stays free and the device busy.
 *
 * A run is a function of its options: the same seed gives the same weights bit for bit, on any number of threads, and
 * when it is interrupted and resumed.
 *
 * @throws Error when an option makes no sense, a checkpoint does not fit, or the disk fails; {@link BatchError} when a
 *   batch fails, {@link EvaluationError} when an evaluation does, {@link LoggerError} when a
 * logger does, {@link NonFiniteError} when a loss or gradient is not finite. Checkpoints that were complete stay.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  const settings = resolveSettings(options);
  const { model } = options.task;
  const frozen = freeze(model, settings.freeze);
  try {
    return await new TrainingRun(options, settings).run();
  } finally {
    thaw(model, frozen);
  }
}

class TrainingRun<Batch> {
  readonly #options: TrainOptions<Batch>;
  readonly #settings: ResolvedSettings;
  readonly #clock: () => number;
  readonly #started: number;
  readonly #runner: StepRunner<Batch>;
  readonly #history: StateHistory | null;
  readonly #recovery: Recovery;
  readonly #optimizer: Optimizer;
  readonly #average: ExponentialMovingAverage | null;
  readonly #health: HealthMonitor<Batch>;
  readonly #evaluator: Evaluator;
  readonly #reporter: RunReporter<Batch>;
  readonly #checkpoints: RunCheckpoints;
  readonly #inFlight: StepInFlight<Batch>[] = [];
  readonly #idle = new IdleClock();
  /** Of a run with a time limit. */
  #budget: TimeBudget | null = null;
  /** null while a time limit has not been turned into steps. */
  #plan: RunPlan | null = null;
  /** Steps enqueued, and steps whose metrics are known. */
  #enqueued = 0;
  #done = 0;
  /** The steps of the checkpoint that the run last went back to. */
  #wentBackTo: number | null = null;

  constructor(given: TrainOptions<Batch>, settings: ResolvedSettings) {
    const options = { ...given, batches: preparedBatches(given.batches, given.task) };
    this.#options = options;
    this.#settings = settings;
    const { batches, clock = () => performance.now(), device, length, runFolder, signal, task } = options;
    this.#clock = clock;
    this.#started = clock();
    if ("seconds" in length)
      this.#budget = new TimeBudget(length, batches.batchesPerEpoch, clock, this.#started);
    const { accumulate, ema } = settings;
    const cut = batchCutter(batches, accumulate);
    this.#runner = new StepRunner(device, task, settings, cut);
    this.#optimizer = createOptimizer(task.model, settings.optimizer);
    this.#average = ema === null ? null : new ExponentialMovingAverage(task.model, ema);
    this.#health = new HealthMonitor(device, task, settings, settings.healthEvery, cut);
    this.#evaluator = new Evaluator(settings.evaluation, this.#average, signal, clock);
    this.#recovery = new Recovery(settings.nonFinite);
    const undone = settings.nonFinite.action === "skip" ? this.#trained : null;
    this.#history = settings.traceNonFinite
      ? new StateHistory(this.#runner.parameters, undone, RUN_AHEAD + 1)
      : null;
    this.#reporter = new RunReporter(options);
    const retention = { latest: settings.keepCheckpoints, best: settings.keepBest };
    this.#checkpoints = new RunCheckpoints(
      runFolder === undefined
        ? null
        : new CheckpointWriter(runFolder.checkpointsPath, retention, settings.fileSystem),
      (location) => this.#reporter.emit({ type: "checkpoint", ...location }),
    );
  }

  async run(): Promise<TrainResult> {
    const { task } = this.#options;
    try {
      const damaged: string[] = [];
      const resumed = await this.#resume(({ path, reason }) => {
        damaged.push(path);
        this.#reporter.emit({ type: "damaged", path, reason });
      });
      await this.#checkpoints.begin(resumed, damaged);
      await this.#startMetrics();
      const planned = this.#plan !== null;
      this.#reporter.emit({
        type: "start",
        task: task.name,
        steps: planned ? this.#steps : null,
        firstStep: this.#done + 1,
      });
      if (resumed !== null) this.#reporter.emit({ type: "resume", ...resumed });
      if (!planned) await this.#planByTime();
      await this.#loop();
      await this.#checkpoint();
      await this.#checkpoints.settle();
      this.#reporter.skipped();
      await this.#reporter.close();
      if (this.#reporter.loggerFailure !== null)
        throw this.#loggerError(this.#checkpoints.latest?.path ?? null);
      // A time limit that was not turned into steps was interrupted.
      const interrupted =
        this.#plan === null || this.#done < this.#steps || this.#evaluator.isDue(this.#done, this.#plan);
      const seconds = (this.#clock() - this.#started) / 1000;
      if (interrupted) this.#reporter.emit({ type: "stop", step: this.#done, reason: "interrupted" });
      else this.#reporter.emit({ type: "done", step: this.#done, seconds });
      return {
        reason: interrupted ? "interrupted" : "done",
        step: this.#done,
        steps: this.#steps,
        ...this.#reporter.totals,
        seconds,
        checkpoint: this.#checkpoints.latest?.path ?? null,
        average: this.#average,
        bestCheckpoint: this.#checkpoints.best?.path ?? null,
      };
    } catch (error) {
      await Promise.allSettled([...this.#inFlight.map((step) => step.metrics), this.#checkpoints.settle()]);
      await this.#options.device.synchronize().catch(() => undefined);
      this.#reporter.skipped();
      await this.#reporter.close().catch(() => undefined);
      this.#average?.dispose();
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#reporter.emit({ type: "stop", step: this.#done, reason: "failed", error: reason });
      throw error;
    } finally {
      this.#history?.dispose();
    }
  }

  /**
   * Loads the latest whole checkpoint, if that is wanted and there is one, and fixes the number of steps where it is
   * known.
   */
  async #resume(onDamaged: Parameters<typeof readLatestCheckpoint>[1]): Promise<CheckpointLocation | null> {
    const { length, resume, runFolder } = this.#options;
    const checkpoint =
      resume && runFolder !== undefined
        ? await readLatestCheckpoint(runFolder.checkpointsPath, onDamaged)
        : null;
    const given = givenPlan(length, this.#options.batches.batchesPerEpoch);
    if (checkpoint === null) {
      if (given !== null) this.#follow(given);
      return null;
    }
    const { path, state } = checkpoint;
    if (given !== null) this.#follow(given);
    else if (state.time) this.#budget!.resume(state.time);
    else {
      // It had a number of steps, and keeps it.
      this.#budget = null;
      this.#follow({ firstSteps: state.steps, replans: [] });
    }
    if (this.#plan !== null && this.#steps < state.step) {
      throw new Error(
        `resume: ${path} has done ${state.step} steps already, and only ${this.#steps} were asked for. Ask for ` +
          "more steps.",
      );
    }
    this.#goOnFrom(checkpoint);
    this.#recovery.resume(state.recovery);
    return { step: state.step, path };
  }

  #goOnFrom(checkpoint: Checkpoint): void {
    const { evaluation = null, step, time } = checkpoint.state;
    if (this.#budget !== null && time) {
      const { firstSteps, replans } = time;
      this.#follow({ firstSteps, replans });
      this.#budget.begin(step);
    }
    restoreCheckpoint(checkpoint, this.#options.task.model, this.#trained, this.#plan!.settings);
    this.#enqueued = step;
    this.#done = step;
    this.#evaluator.resume(step, evaluation);
    this.#checkpoints.standAt(checkpoint.state);
  }

  async #startMetrics(): Promise<void> {
    await this.#reporter.start(this.#done, this.#evaluator.figuresAt(this.#done) !== null);
  }

  get #rollsBack(): boolean {
    return this.#settings.nonFinite.action === "rollback";
  }

  /** What is saved and restored together. */
  get #trained(): TrainedState {
    return new TrainedState(this.#optimizer, this.#average);
  }

  /** Steps of the whole run; 0 while they are not known. */
  get #steps(): number {
    return this.#plan?.steps ?? 0;
  }

  #follow(history: PlanHistory): void {
    this.#plan = planRun(this.#options, this.#settings, history);
  }

  async #planByTime(): Promise<void> {
    const { batches, length, signal } = this.#options;
    if (!("seconds" in length)) return;
    const evaluation = await this.#evaluator.time().catch((error: unknown) => {
      throw new EvaluationError(0, error, null);
    });
    const secondsPerStep = await timeSteps(this.#runner, batches, length.seconds, this.#clock, signal);
    if (secondsPerStep === null) return;
    const { evaluation: evaluated } = this.#settings;
    const steps = this.#budget!.plan(secondsPerStep, evaluation, (count) =>
      evaluated === null ? 0 : new Rhythm(evaluated.every, { firstSteps: count, replans: [] }).timesLeft(0),
    );
    this.#follow({ firstSteps: steps, replans: [] });
    this.#budget!.begin(0);
    this.#reporter.emit({ type: "plan", steps, secondsPerStep });
  }

  /** Looks at the time: where the machine has become slower or faster, the plan is another from the next step on. */
  #replanIfDue(): void {
    const plan = this.#plan!;
    const steps = this.#budget?.look(this.#done, this.#enqueued, plan) ?? null;
    if (steps === null) return;
    const { firstSteps, replans } = plan.history;
    this.#follow({ firstSteps, replans: [...replans, { step: this.#enqueued, steps }] });
    this.#reporter.emit({
      ...{ type: "replan", step: this.#done, steps, stepsBefore: plan.steps },
      secondsPerStep: this.#budget!.secondsPerStep,
    });
  }

  async #loop(): Promise<void> {
    const { batches, signal } = this.#options;
    const goesOn = () => this.#enqueued < this.#steps && !signal?.aborted;
    // A last step that is not finite may send the run back.
    for (;;) {
      await this.#evaluateIfDue();
      await this.#checkpointIfDue();
      if (!goesOn()) {
        if (this.#inFlight.length === 0) return;
        await this.#settleStep();
        continue;
      }
      const asked = performance.now();
      const index = this.#enqueued;
      const batch = await untilAborted(batches.batch(index), signal).catch((error: unknown) =>
        this.#saveAndThrow((checkpoint) => new BatchError(index + 1, error, checkpoint)),
      );
      if (batch === null) continue;
      this.#enqueue(this.#plan!, batch.value, this.#idle.waitedFor(asked));
      while (this.#inFlight.length > RUN_AHEAD) await this.#settleStep();
      this.#replanIfDue();
      this.#checkpoints.check();
      this.#reporter.check(this.#checkpoints.latest?.path ?? null);
      await this.#reporter.keepUp();
      if (this.#reporter.loggerFailure !== null) await this.#saveAndThrow(this.#loggerError);
      // A batch that is ready at once would otherwise let step after step be enqueued without timers having their turn.
      await setImmediate();
    }
  }

  /** What a logger's failure is told as. */
  readonly #loggerError = (checkpoint: string | null) =>
    new LoggerError(this.#reporter.loggerFailure!, checkpoint);

  /** Finishes and saves what was begun, and throws what comes of the last checkpoint's path. */
  async #saveAndThrow(errorOf: (checkpoint: string | null) => Error): Promise<never> {
    while (this.#inFlight.length > 0) await this.#settleStep();
    await this.#checkpoint();
    await this.#checkpoints.settle().catch(() => undefined);
    throw errorOf(this.#checkpoints.latest?.path ?? null);
  }

  #enqueue(plan: RunPlan, batch: Batch, waited: number): void {
    const index = this.#enqueued;
    const learningRate = this.#recovery.state.rateFactor * plan.learningRate(index);
    this.#history?.save(index);
    const decay = plan.weightDecay === null ? {} : { weightDecay: plan.weightDecay(index) };
    const progress = plan.progress(index);
    const metrics = this.#runner.run({ step: index, progress }, batch, (scale) => {
      this.#optimizer.step({ learningRate, gradientScale: scale, ...decay });
      this.#average?.update();
    });
    // Awaited later, in order; an error must not count as unhandled until then.
    this.#idle.watch(metrics);
    const health = this.#health.look(index, batch);
    health?.catch(() => undefined);
    this.#checkpoints.add(index, metrics);
    this.#inFlight.push({ index, batch, learningRate, progress, waited, metrics, health });
    this.#enqueued++;
  }

  /** Waits for the oldest step on the queue and reports it. */
  async #settleStep(): Promise<void> {
    const { batch, index, learningRate, progress, waited, ...inFlight } = this.#inFlight[0]!;
    const metrics = await inFlight.metrics;
    if (!isFiniteStep(metrics)) {
      await this.#recover({ step: index, progress }, batch, metrics);
      return;
    }
    const health = await inFlight.health;
    this.#inFlight.shift();
    this.#checkpoints.done(index, metrics);
    this.#options.batches.release?.(batch);
    const step = index + 1;
    const steps = this.#steps;
    this.#done = step;
    this.#budget?.stepped(step, waited);
    const evaluationSeconds = this.#evaluator.secondsLeft(step, this.#plan!);
    this.#reporter.step({ step, steps, metrics, learningRate, waited, health, evaluationSeconds });
    for (const warning of this.#health.listen(step, steps, health, metrics.gradientNorm))
      this.#reporter.emit({ type: "warning", step, ...warning });
    this.#reporter.skipped();
  }

  /** Waits for the steps on the queue and evaluates the model, where it is time for that. */
  async #evaluateIfDue(): Promise<void> {
    const { signal } = this.#options;
    const due = () =>
      this.#plan !== null && !signal?.aborted && this.#evaluator.isDue(this.#enqueued, this.#plan);
    while (due() && this.#inFlight.length > 0) await this.#settleStep();
    // A step that was not finite may have sent the run back.
    if (!due()) return;
    const step = this.#enqueued;
    const { keepBest } = this.#settings;
    const needed = keepBest !== null && "figure" in keepBest ? keepBest.figure : null;
    const evaluated = await this.#evaluator
      .run(step, needed)
      .catch((error: unknown) =>
        this.#saveAndThrow((checkpoint) => new EvaluationError(step, error, checkpoint)),
      );
    if (evaluated === null) return;
    this.#budget?.evaluated(evaluated.seconds);
    await this.#reporter.evaluation(step, evaluated);
    if (needed !== null) await this.#checkpoint();
  }

  /** Finds out why a step is not finite, and then leaves it out, goes back to the last checkpoint, or throws. */
  async #recover(moment: StepMoment, batch: Batch, metrics: StepMetrics): Promise<void> {
    const { batches, device } = this.#options;
    const index = moment.step;
    await Promise.allSettled(this.#inFlight.map((step) => step.metrics));
    const origin =
      this.#history === null
        ? null
        : await traceNonFinite(device, this.#runner, this.#history, moment, batch);
    // A checkpoint of an earlier step may still be on its way to the disk.
    await this.#checkpoints.settle().catch(() => undefined);
    const { latest } = this.#checkpoints;
    const kept =
      latest === null ? "No checkpoint was written yet." : `The last good checkpoint is ${latest.path}.`;
    const error = new NonFiniteError(
      index + 1,
      metrics,
      origin,
      batches.samples?.(batch) ?? [],
      `${this.#recovery.exhausted}${kept} A lower learning rate, a longer warm-up or a smaller clipNorm usually helps.`,
    );
    const action = this.#recovery.next;
    if (action === "stop" || (action === "rollback" && latest === null)) throw error;
    for (const step of this.#inFlight.splice(0)) batches.release?.(step.batch);
    if (action === "skip") this.#skip(index);
    else await this.#rollBack(error);
    this.#reporter.emit({ type: "nonFinite", step: index + 1, action, nextStep: this.#enqueued + 1, error });
  }

  #skip(index: number): void {
    this.#history!.restore(index);
    this.#recovery.skip(index + 1);
    this.#checkpoints.leaveOut(index);
    this.#enqueued = index + 1;
    this.#done = index + 1;
  }

  async #rollBack(error: NonFiniteError): Promise<void> {
    const folder = this.#options.runFolder!.checkpointsPath;
    let checkpoint = await readLatestCheckpoint(folder);
    if (checkpoint !== null && checkpoint.state.step === this.#wentBackTo) {
      // A lower rate did not help from there.
      const { step } = checkpoint.state;
      const earlier = await readLatestCheckpoint(folder, undefined, step);
      if (earlier !== null) {
        await this.#checkpoints.abandonLatest({ step: earlier.state.step, path: earlier.path });
        checkpoint = earlier;
      }
    }
    if (checkpoint === null) throw error;
    this.#goOnFrom(checkpoint);
    this.#wentBackTo = this.#done;
    this.#recovery.rollBack();
    await this.#startMetrics();
  }

  async #checkpointIfDue(): Promise<void> {
    const step = this.#enqueued;
    const plan = this.#plan;
    if (plan === null) return;
    // The evaluation after this step belongs into its checkpoint.
    if (!this.#options.signal?.aborted && this.#evaluator.isDue(step, plan)) return;
    if ((step === 0 || plan.checkpoints.isDue(step)) && step < plan.steps) await this.#checkpoint();
  }

  /** Starts a checkpoint of the steps enqueued so far; it is written while training goes on. */
  async #checkpoint(): Promise<void> {
    const step = this.#enqueued;
    // Before the first step there is only something to save for those who may want to go back to it.
    if (this.#plan === null || (step === 0 && !this.#rollsBack)) return;
    await this.#checkpoints.save(
      {
        step,
        steps: this.#plan.steps,
        settings: this.#plan.settings,
        evaluation: this.#evaluator.figuresAt(step),
        recovery: this.#recovery.state,
        time: this.#budget === null ? null : { ...this.#plan.history, ...this.#budget.state },
      },
      this.#options.task.model,
      this.#trained,
    );
  }
}
