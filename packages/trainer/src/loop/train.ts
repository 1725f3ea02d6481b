import { setImmediate } from "node:timers/promises";
import {
  AdamW,
  cosineSchedule,
  ExponentialMovingAverage,
  freeze,
  parameterGroups,
  type Schedule,
  thaw,
} from "@splitmask/optim";
import type { CheckpointLocation, CheckpointSettings } from "../checkpoint/checkpointFolder.js";
import { type Checkpoint, readLatestCheckpoint } from "../checkpoint/readCheckpoint.js";
import { CheckpointWriter, restoreCheckpoint } from "../checkpoint/trainingCheckpoint.js";
import { batchCutter } from "./accumulation.js";
import { BatchError } from "./batchError.js";
import { HealthMonitor } from "./health.js";
import { isFiniteStep, NonFiniteError } from "./nonFinite.js";
import { RateMeter } from "./rateMeter.js";
import { Recovery } from "./recovery.js";
import { StateHistory } from "./stateHistory.js";
import { type StepMetrics, StepRunner } from "./stepRunner.js";
import { planSteps } from "./timeLimit.js";
import { traceNonFinite } from "./traceNonFinite.js";
import { TrainedState } from "./trainedState.js";
import {
  type ResolvedSettings,
  resolveSettings,
  type TrainOptions,
  type TrainResult,
} from "./trainOptions.js";

/** Steps that wait on the queue behind the one that runs. */
const RUN_AHEAD = 1;

/** A step on the queue. */
interface StepInFlight<Batch> {
  readonly index: number;
  readonly batch: Batch;
  readonly learningRate: number;
  /** Milliseconds that the device had nothing to do because the batch was not ready. */
  readonly waited: number;
  readonly metrics: Promise<StepMetrics>;
  readonly health: Promise<Readonly<Record<string, number>>> | null;
}

/**
 * Trains a task: AdamW with a warm-up and a cosine, clipping by the global norm, checkpoints, resume. Nothing waits for the device but the reading of
 * a step's metrics, one step behind, so the event loop stays free and the device busy.
 *
 * A run is a function of its options: the same seed gives the same weights bit for bit, on any number of threads, and when it is interrupted and resumed.
 *
 * @throws Error when an option makes no sense, a checkpoint does not fit, or the disk fails; {@link BatchError} when a batch fails, {@link NonFiniteError} when a loss or gradient is not
 * finite. Checkpoints that were complete stay.
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
  readonly #started = performance.now();
  readonly #runner: StepRunner<Batch>;
  readonly #history: StateHistory | null;
  readonly #recovery: Recovery;
  readonly #optimizer: AdamW;
  readonly #average: ExponentialMovingAverage | null;
  readonly #health: HealthMonitor<Batch>;
  readonly #meter = new RateMeter();
  readonly #inFlight: StepInFlight<Batch>[] = [];
  /** The metrics of the steps since the last complete checkpoint, by index. */
  readonly #unsaved = new Map<number, Promise<StepMetrics>>();
  readonly #writer: CheckpointWriter | null;
  #steps = 0;
  #learningRate: Schedule = () => 0;
  #weightDecay: Schedule | null = null;
  #checkpointSettings: CheckpointSettings | null = null;
  /** Steps enqueued, and steps whose metrics are known. */
  #enqueued = 0;
  #done = 0;
  /** Steps that the device has not computed yet, and when it last had computed all. */
  #running = 0;
  #idleSince = 0;
  /** The steps of the checkpoint that the run last went back to. */
  #wentBackTo: number | null = null;
  readonly #reportedSkips = new Set<string>();
  #firstLosses: Readonly<Record<string, number>> | null = null;
  #lastLosses: Readonly<Record<string, number>> | null = null;

  constructor(options: TrainOptions<Batch>, settings: ResolvedSettings) {
    this.#options = options;
    this.#settings = settings;
    const { batches, device, task } = options;
    const { accumulate, betas, ema, epsilon, layerDecay, weightDecay } = settings;
    const cut = batchCutter(batches, accumulate);
    this.#runner = new StepRunner(device, task, settings, cut);
    this.#optimizer = new AdamW(parameterGroups(task.model, { weightDecay, layerDecay }), { betas, epsilon });
    this.#average = ema === null ? null : new ExponentialMovingAverage(task.model, ema);
    this.#health = new HealthMonitor(device, task, settings, settings.healthEvery, cut);
    this.#recovery = new Recovery(settings.nonFinite);
    const undone = settings.nonFinite.action === "skip" ? this.#trained : null;
    this.#history = settings.traceNonFinite
      ? new StateHistory(this.#runner.parameters, undone, RUN_AHEAD + 1)
      : null;
    this.#writer =
      options.runFolder === undefined
        ? null
        : new CheckpointWriter(
            options.runFolder.checkpointsPath,
            { latest: settings.keepCheckpoints, best: settings.keepBest },
            settings.fileSystem,
          );
  }

  async run(): Promise<TrainResult> {
    const { runFolder, signal, task } = this.#options;
    try {
      const damaged: string[] = [];
      const resumed = await this.#resume(({ path, reason }) => {
        damaged.push(path);
        this.#emit({ type: "damaged", path, reason });
      });
      await this.#writer?.begin(resumed, damaged);
      await runFolder?.startMetrics(this.#done);
      const planned = "steps" in this.#options.length || this.#steps > 0;
      this.#emit({
        type: "start",
        task: task.name,
        steps: planned ? this.#steps : null,
        firstStep: this.#done + 1,
      });
      if (resumed !== null) this.#emit({ type: "resume", step: resumed.step, path: resumed.path });
      if (!planned) await this.#plan();
      if (this.#rollsBack && this.#done === 0) await this.#checkpoint();
      await this.#loop();
      // An interrupted time-limited run that has no plan yet has nothing to save.
      if (this.#steps > 0) await this.#checkpoint();
      await this.#writer?.settle();
      this.#reportSkipped();
      await runFolder?.flush();
      const interrupted = this.#done < this.#steps || (this.#steps === 0 && signal?.aborted === true);
      const seconds = (performance.now() - this.#started) / 1000;
      if (interrupted) this.#emit({ type: "stop", step: this.#done, reason: "interrupted" });
      else this.#emit({ type: "done", step: this.#done, seconds });
      return {
        reason: interrupted ? "interrupted" : "done",
        step: this.#done,
        steps: this.#steps,
        firstLosses: this.#firstLosses,
        lastLosses: this.#lastLosses,
        imagesPerSecond: this.#imagesPerSecond(),
        waitingShare: this.#meter.totalWaitingShare,
        seconds,
        checkpoint: this.#writer?.latest?.path ?? null,
        average: this.#average,
        bestCheckpoint: this.#writer?.best?.path ?? null,
      };
    } catch (error) {
      await Promise.allSettled([...this.#inFlight.map((step) => step.metrics), this.#writer?.settle()]);
      await this.#options.device.synchronize().catch(() => undefined);
      this.#reportSkipped();
      await runFolder?.flush().catch(() => undefined);
      this.#average?.dispose();
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#options.onEvent?.({ type: "stop", step: this.#done, reason: "failed", error: reason });
      throw error;
    } finally {
      this.#history?.dispose();
    }
  }

  /** Loads the latest whole checkpoint, if that is wanted and there is one, and fixes the number of steps where it is known. */
  async #resume(onDamaged: Parameters<typeof readLatestCheckpoint>[1]): Promise<CheckpointLocation | null> {
    const { length, resume, runFolder } = this.#options;
    const checkpoint =
      resume && runFolder !== undefined
        ? await readLatestCheckpoint(runFolder.checkpointsPath, onDamaged)
        : null;
    if (checkpoint === null) {
      if ("steps" in length) this.#fixSteps(length.steps);
      return null;
    }
    const { path, state } = checkpoint;
    const steps = "steps" in length ? length.steps : state.steps;
    if (steps < state.step) {
      throw new Error(
        `resume: ${path} has done ${state.step} steps already, and only ${steps} were asked for. Ask for more steps.`,
      );
    }
    this.#fixSteps(steps);
    this.#goOnFrom(checkpoint);
    this.#recovery.resume(state.recovery);
    return { step: state.step, path };
  }

  #goOnFrom(checkpoint: Checkpoint): void {
    restoreCheckpoint(checkpoint, this.#options.task.model, this.#trained, this.#checkpointSettings!);
    this.#enqueued = checkpoint.state.step;
    this.#done = checkpoint.state.step;
    this.#unsaved.clear();
  }

  get #rollsBack(): boolean {
    return this.#settings.nonFinite.action === "rollback";
  }

  /** What is saved and restored together. */
  get #trained(): TrainedState {
    return new TrainedState(this.#optimizer, this.#average);
  }

  #settingsFor(steps: number): CheckpointSettings {
    const { schedule, task } = this.#options;
    // Only what changes the numbers of a run.
    const { accumulate, betas, clipMode, clipNorm, ema, epsilon, freeze: frozen } = this.#settings;
    const { layerDecay, minimum, precision, seed, weightDecay, weightDecayEnd } = this.#settings;
    const { base, warmupSteps: warmup = 0 } = schedule;
    const wanted = typeof warmup === "function" ? Math.round(warmup(steps)) : warmup;
    const warmupSteps = Math.max(0, Math.min(wanted, steps - 1));
    return {
      ...{ task: task.name, seed, base, minimum, warmupSteps, betas, epsilon, weightDecay, weightDecayEnd },
      ...{ layerDecay, clipNorm, clipMode, accumulate, ema, freeze: frozen, precision },
    };
  }

  #fixSteps(steps: number): void {
    this.#steps = steps;
    this.#checkpointSettings = this.#settingsFor(steps);
    const { base, minimum, warmupSteps } = this.#checkpointSettings;
    this.#learningRate = cosineSchedule({ base, minimum, warmupSteps, totalSteps: steps });
    const { weightDecay, weightDecayEnd } = this.#settings;
    this.#weightDecay =
      weightDecayEnd === null
        ? null
        : cosineSchedule({ base: weightDecay, minimum: weightDecayEnd, totalSteps: steps });
  }

  async #plan(): Promise<void> {
    const { batches, length, signal } = this.#options;
    if (!("seconds" in length)) return;
    const plan = await planSteps(this.#runner, batches, length.seconds, this.#started, signal);
    if (plan === null) return;
    this.#fixSteps(plan.steps);
    this.#emit({ type: "plan", ...plan });
  }

  async #loop(): Promise<void> {
    const { batches, runFolder, signal } = this.#options;
    const goesOn = () => this.#enqueued < this.#steps && !signal?.aborted;
    // A last step that is not finite may send the run back.
    while (goesOn() || this.#inFlight.length > 0) {
      if (!goesOn()) {
        await this.#settleStep();
        continue;
      }
      const asked = performance.now();
      const index = this.#enqueued;
      const batch = await untilAborted(batches.batch(index), signal).catch((error: unknown) =>
        this.#batchFailed(index, error),
      );
      if (batch === null) continue;
      // While a step runs, nothing waits for data.
      const waited = this.#running > 0 ? 0 : performance.now() - Math.max(asked, this.#idleSince);
      this.#enqueue(batch.value, waited);
      await this.#checkpointIfDue();
      while (this.#inFlight.length > RUN_AHEAD) await this.#settleStep();
      this.#writer?.check();
      runFolder?.check();
      // A batch that is ready at once would otherwise let step after step be enqueued without timers having their turn.
      await setImmediate();
    }
  }

  /** Saves what was done, and tells of it. */
  async #batchFailed(index: number, cause: unknown): Promise<never> {
    while (this.#inFlight.length > 0) await this.#settleStep();
    await this.#checkpoint();
    await this.#writer?.settle().catch(() => undefined);
    throw new BatchError(index + 1, cause, this.#writer?.latest?.path ?? null);
  }

  #enqueue(batch: Batch, waited: number): void {
    const index = this.#enqueued;
    const learningRate = this.#recovery.state.rateFactor * this.#learningRate(index);
    this.#history?.save(index);
    const decay = this.#weightDecay === null ? {} : { weightDecay: this.#weightDecay(index) };
    const metrics = this.#runner.run(index, batch, (scale) => {
      this.#optimizer.step({ learningRate, gradientScale: scale, ...decay });
      this.#average?.update();
    });
    this.#running++;
    const computed = () => {
      this.#running--;
      this.#idleSince = performance.now();
    };
    // Awaited later, in order; an error must not count as unhandled until then.
    metrics.then(computed, computed);
    const health = this.#health.look(index, batch);
    health?.catch(() => undefined);
    this.#unsaved.set(index, metrics);
    this.#inFlight.push({ index, batch, learningRate, waited, metrics, health });
    this.#enqueued++;
  }

  /** Waits for the oldest step on the queue and reports it. */
  async #settleStep(): Promise<void> {
    const { batches, runFolder } = this.#options;
    const { batch, index, learningRate, metrics, waited, ...inFlight } = this.#inFlight[0]!;
    const read = await metrics;
    if (!isFiniteStep(read)) {
      await this.#recover(index, batch, read);
      return;
    }
    const health = await inFlight.health;
    this.#inFlight.shift();
    batches.release?.(batch);
    this.#meter.tick(performance.now(), waited);
    this.#done = index + 1;
    this.#firstLosses ??= read.losses;
    this.#lastLosses = read.losses;
    const { gradientNorm, losses } = read;
    const imagesPerSecond = this.#imagesPerSecond();
    const step = this.#done;
    runFolder?.appendMetrics({
      step,
      losses,
      learningRate,
      gradientNorm,
      imagesPerSecond,
      waitingSeconds: waited / 1000,
      ...(health === null ? {} : { health }),
      time: Date.now() / 1000,
    });
    const secondsPerStep = this.#meter.secondsPerStep;
    this.#emit({
      type: "step",
      step,
      steps: this.#steps,
      losses,
      learningRate,
      gradientNorm,
      health,
      imagesPerSecond,
      waitingShare: this.#meter.waitingShare,
      secondsLeft: secondsPerStep === null ? null : (this.#steps - step) * secondsPerStep,
    });
    for (const warning of this.#health.listen(step, this.#steps, health, gradientNorm))
      this.#emit({ type: "warning", step, ...warning });
    this.#reportSkipped();
  }

  /** Finds out why a step is not finite, and then leaves it out, goes back to the last checkpoint, or throws. */
  async #recover(index: number, batch: Batch, metrics: StepMetrics): Promise<void> {
    const { batches, device } = this.#options;
    await Promise.allSettled(this.#inFlight.map((step) => step.metrics));
    const origin =
      this.#history === null ? null : await traceNonFinite(device, this.#runner, this.#history, index, batch);
    // A checkpoint of an earlier step may still be on its way to the disk.
    await this.#writer?.settle().catch(() => undefined);
    const latest = this.#writer?.latest ?? null;
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
    this.#emit({ type: "nonFinite", step: index + 1, action, nextStep: this.#enqueued + 1, error });
    await this.#checkpointIfDue();
  }

  #skip(index: number): void {
    this.#history!.restore(index);
    this.#recovery.skip(index + 1);
    for (const step of this.#unsaved.keys()) if (step >= index) this.#unsaved.delete(step);
    this.#enqueued = index + 1;
    this.#done = index + 1;
  }

  async #rollBack(error: NonFiniteError): Promise<void> {
    const runFolder = this.#options.runFolder!;
    const writer = this.#writer!;
    let checkpoint = await readLatestCheckpoint(runFolder.checkpointsPath);
    if (checkpoint !== null && checkpoint.state.step === this.#wentBackTo) {
      // A lower rate did not help from there.
      const { step } = checkpoint.state;
      const earlier = await readLatestCheckpoint(runFolder.checkpointsPath, undefined, step);
      if (earlier !== null) {
        await writer.abandonLatest({ step: earlier.state.step, path: earlier.path });
        checkpoint = earlier;
      }
    }
    if (checkpoint === null) throw error;
    this.#goOnFrom(checkpoint);
    this.#wentBackTo = this.#done;
    this.#recovery.rollBack();
    await runFolder.startMetrics(this.#done);
  }

  async #checkpointIfDue(): Promise<void> {
    const due = this.#enqueued % this.#settings.checkpointEvery === 0 && this.#enqueued < this.#steps;
    if (due) await this.#checkpoint();
  }

  /** Starts a checkpoint of the steps enqueued so far; it is written while training goes on. */
  async #checkpoint(): Promise<void> {
    if (this.#writer === null || this.#checkpointSettings === null) return;
    const step = this.#enqueued;
    // Before the first step there is only something to save for those who may want to go back to it.
    if (this.#writer.latest?.step === step || (step === 0 && !this.#rollsBack)) return;
    await this.#writer.settle();
    // A step that is not known yet may have spoilt what follows it.
    const known = [...this.#unsaved].filter(([index]) => index < step).map(([, metrics]) => metrics);
    const { state: recovery } = this.#recovery;
    this.#writer.start(
      { step, steps: this.#steps, settings: this.#checkpointSettings, recovery },
      this.#options.task.model,
      this.#trained,
      async () => meanLosses(await Promise.all(known)),
      (location) => {
        for (const index of this.#unsaved.keys()) if (index < location.step) this.#unsaved.delete(index);
        this.#emit({ type: "checkpoint", step: location.step, path: location.path });
      },
    );
  }

  #imagesPerSecond(): number | null {
    const seconds = this.#meter.secondsPerStep;
    return seconds === null ? null : this.#options.batches.batchSize / seconds;
  }

  #reportSkipped(): void {
    const skipped = this.#options.batches.skipped?.() ?? [];
    if (skipped.length === this.#reportedSkips.size) return;
    const pictures = skipped.filter(({ path }) => !this.#reportedSkips.has(path));
    for (const { path } of pictures) this.#reportedSkips.add(path);
    this.#options.runFolder?.appendSkipped(pictures);
    this.#emit({ type: "skipped", pictures });
  }

  #emit(event: Parameters<NonNullable<TrainOptions<Batch>["onEvent"]>>[0]): void {
    this.#options.onEvent?.(event);
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

/** The value of a promise, or null as soon as the signal is aborted. */
async function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<{ readonly value: Value } | null> {
  if (signal === undefined) return { value: await promise };
  let listener = () => {};
  const aborted = new Promise<null>((resolve) => {
    listener = () => resolve(null);
    signal.addEventListener("abort", listener);
  });
  try {
    return await Promise.race([promise.then((value) => ({ value })), aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}
