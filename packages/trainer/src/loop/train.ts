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
import type {
  CheckpointLocation,
  CheckpointSettings,
  CheckpointState,
} from "../checkpoint/checkpointFolder.js";
import { latestCheckpoint } from "../checkpoint/checkpointFolder.js";
import { CheckpointWriter, restoreCheckpoint } from "../checkpoint/trainingCheckpoint.js";
import { batchCutter } from "./accumulation.js";
import { isFiniteStep, NonFiniteError, traceNonFinite } from "./nonFinite.js";
import { RateMeter } from "./rateMeter.js";
import { ParameterHistory, type StepMetrics, StepRunner } from "./stepRunner.js";
import { planSteps } from "./timeLimit.js";
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
}

/**
 * Trains a task: AdamW with a warm-up and a cosine, clipping by the global norm, checkpoints, resume. Nothing waits for the device but the reading of
 * a step's metrics, one step behind, so the event loop stays free and the device busy.
 *
 * A run is a function of its options: the same seed gives the same weights bit for bit, on any number of threads, and when it is interrupted and resumed.
 *
 * @throws Error when an option makes no sense, a checkpoint does not fit, a batch fails, the disk fails, or {@link NonFiniteError} when a loss is not finite.
 * Checkpoints that were complete stay.
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
  readonly #history: ParameterHistory | null;
  readonly #optimizer: AdamW;
  readonly #average: ExponentialMovingAverage | null;
  readonly #meter = new RateMeter();
  readonly #inFlight: StepInFlight<Batch>[] = [];
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
  readonly #reportedSkips = new Set<string>();
  #firstLosses: Readonly<Record<string, number>> | null = null;
  #lastLosses: Readonly<Record<string, number>> | null = null;

  constructor(options: TrainOptions<Batch>, settings: ResolvedSettings) {
    this.#options = options;
    this.#settings = settings;
    const { batches, device, task } = options;
    const { accumulate, betas, ema, epsilon, layerDecay, weightDecay } = settings;
    this.#runner = new StepRunner(device, task, settings, batchCutter(batches, accumulate));
    this.#optimizer = new AdamW(parameterGroups(task.model, { weightDecay, layerDecay }), { betas, epsilon });
    this.#average = ema === null ? null : new ExponentialMovingAverage(task.model, ema);
    this.#history =
      (options.traceNonFinite ?? true) ? new ParameterHistory(this.#runner.parameters, RUN_AHEAD + 1) : null;
    this.#writer =
      options.runFolder === undefined
        ? null
        : new CheckpointWriter(options.runFolder.checkpointsPath, settings.keepCheckpoints);
  }

  async run(): Promise<TrainResult> {
    const { runFolder, signal, task } = this.#options;
    try {
      const resumed = await this.#resume();
      await this.#writer?.clean(resumed);
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

  /** Loads the latest checkpoint, if that is wanted and there is one, and fixes the number of steps where it is known. */
  async #resume(): Promise<CheckpointLocation | null> {
    const { length, resume, runFolder, task } = this.#options;
    const location =
      resume && runFolder !== undefined ? await latestCheckpoint(runFolder.checkpointsPath) : null;
    if (location === null) {
      if ("steps" in length) this.#fixSteps(length.steps);
      return null;
    }
    const state = await restoreCheckpoint(
      location.path,
      task.model,
      this.#trained,
      (found: CheckpointState) => {
        const steps = "steps" in length ? length.steps : found.steps;
        if (steps < found.step) {
          throw new Error(
            `resume: ${location.path} has done ${found.step} steps already, and only ${steps} were asked for. Ask for more steps.`,
          );
        }
        return this.#settingsFor(steps);
      },
    );
    this.#fixSteps("steps" in length ? length.steps : state.steps);
    this.#enqueued = state.step;
    this.#done = state.step;
    return location;
  }

  /** What is saved and restored together. */
  get #trained(): TrainedState {
    return new TrainedState(this.#optimizer, this.#average);
  }

  #settingsFor(steps: number): CheckpointSettings {
    const { schedule, task } = this.#options;
    const {
      seed,
      checkpointEvery: _every,
      keepCheckpoints: _keep,
      recompute: _recompute,
      ...settings
    } = this.#settings;
    const { base, warmupSteps: warmup = 0 } = schedule;
    const wanted = typeof warmup === "function" ? Math.round(warmup(steps)) : warmup;
    const warmupSteps = Math.max(0, Math.min(wanted, steps - 1));
    // Only what changes the numbers of a run.
    return { task: task.name, seed, base, ...settings, warmupSteps };
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
    const { batches, signal } = this.#options;
    while (this.#enqueued < this.#steps && !signal?.aborted) {
      const asked = performance.now();
      const batch = await untilAborted(batches.batch(this.#enqueued), signal);
      if (batch === null) break;
      // While a step runs, nothing waits for data.
      const waited = this.#running > 0 ? 0 : performance.now() - Math.max(asked, this.#idleSince);
      this.#enqueue(batch.value, waited);
      if (this.#enqueued % this.#settings.checkpointEvery === 0 && this.#enqueued < this.#steps) {
        await this.#checkpoint();
      }
      while (this.#inFlight.length > RUN_AHEAD) await this.#settleStep();
      this.#writer?.check();
      // A batch that is ready at once would otherwise let step after step be enqueued without timers having their turn.
      await setImmediate();
    }
    while (this.#inFlight.length > 0) await this.#settleStep();
  }

  #enqueue(batch: Batch, waited: number): void {
    const index = this.#enqueued;
    const learningRate = this.#learningRate(index);
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
    this.#inFlight.push({ index, batch, learningRate, waited, metrics });
    this.#enqueued++;
  }

  /** Waits for the oldest step on the queue and reports it. */
  async #settleStep(): Promise<void> {
    const { batches, runFolder } = this.#options;
    const { batch, index, learningRate, metrics, waited } = this.#inFlight[0]!;
    const read = await metrics;
    if (!isFiniteStep(read)) throw await this.#nonFinite(index, batch, read);
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
      imagesPerSecond,
      waitingShare: this.#meter.waitingShare,
      secondsLeft: secondsPerStep === null ? null : (this.#steps - step) * secondsPerStep,
    });
    this.#reportSkipped();
  }

  async #nonFinite(index: number, batch: Batch, metrics: StepMetrics): Promise<NonFiniteError> {
    const { device } = this.#options;
    let origin: string | null = null;
    if (this.#history !== null) {
      await Promise.allSettled(this.#inFlight.map((step) => step.metrics));
      origin = await traceNonFinite(device, this.#runner, this.#history, index, batch);
    }
    // A checkpoint of an earlier step may still be on its way to the disk.
    await this.#writer?.settle().catch(() => undefined);
    const latest = this.#writer?.latest;
    const kept =
      latest === undefined || latest === null
        ? "No checkpoint was written yet."
        : `The last good checkpoint is ${latest.path}.`;
    return new NonFiniteError(
      index + 1,
      metrics,
      origin,
      `${kept} A lower learning rate, a longer warm-up or a smaller clipNorm usually helps.`,
    );
  }

  /** Starts a checkpoint of the steps enqueued so far; it is written while training goes on. */
  async #checkpoint(): Promise<void> {
    if (this.#writer === null || this.#checkpointSettings === null) return;
    const step = this.#enqueued;
    if (this.#writer.latest?.step === step || step === 0) return;
    await this.#writer.settle();
    const last = this.#inFlight.at(-1)?.metrics;
    this.#writer.start(
      { step, steps: this.#steps, settings: this.#checkpointSettings },
      this.#options.task.model,
      this.#trained,
      async () => last === undefined || isFiniteStep(await last),
      (location) => this.#emit({ type: "checkpoint", step: location.step, path: location.path }),
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
