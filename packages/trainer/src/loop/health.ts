import { concatenate, noGrad, reshape, scope, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { BatchCutter } from "./accumulation.js";
import { medianOf } from "./rateMeter.js";
import type { StepSettings } from "./stepRunner.js";
import type { TrainingTask } from "./trainingTask.js";

/** An alarm that went off. */
export interface HealthWarning {
  /** Name of the figure. */
  readonly figure: string;
  /** Its value. */
  readonly value: number;
  /** The level that it passed. */
  readonly level: number;
  /** What it means, and what to try. */
  readonly advice: string;
}

/** The gradient's norm is compared with its median over so many steps. */
const WINDOW = 50;
/** And so many have to be known. */
const FEWEST = 20;
/** So many times the median is an alarm. */
const OUTLIER = 30;
/**
 * Alarms of a task are listened to after this share of the steps: an encoder that has learned nothing looks collapsed.
 */
const SETTLING = 0.1;

const gradientAdvice =
  "A single batch moves the weights far. " +
  "If it happens again, try a lower learning rate, a longer warm-up or a smaller clip.";

/** Computes a task's health figures every so many steps, and listens to alarms. */
export class HealthMonitor<Batch> {
  readonly #device: Device;
  readonly #task: TrainingTask<Batch>;
  readonly #settings: StepSettings;
  readonly #every: number;
  readonly #cut: BatchCutter<Batch> | null;
  readonly #norms: number[] = [];
  readonly #ringing = new Set<string>();

  /**
   * @param every Steps between two looks; 0: none.
   * @param cut Where a batch is gone through in micro-batches, the first one is looked at.
   */
  constructor(
    device: Device,
    task: TrainingTask<Batch>,
    settings: StepSettings,
    every: number,
    cut: BatchCutter<Batch> | null,
  ) {
    this.#device = device;
    this.#task = task;
    this.#settings = settings;
    this.#every = every;
    this.#cut = cut;
  }

  /**
   * Enqueues the figures of a batch after the step with index `step`, where it is time for them. Nothing is changed,
   * and nothing is waited for.
   *
   * @returns null where it is not time, or the task has no figures.
   */
  look(step: number, batch: Batch): Promise<Record<string, number>> | null {
    if (this.#every === 0 || (step + 1) % this.#every !== 0 || this.#task.health === undefined) return null;
    const { precision, seed } = this.#settings;
    let names: string[] = [];
    const values = scope(this.#device, () =>
      noGrad(this.#device, () => {
        const context = { training: false, seed, step, precision };
        const part = this.#cut?.(batch)[0];
        const figures =
          part === undefined
            ? this.#task.health!(batch, context)
            : this.#task.health!(part.batch, { ...context, samples: part.samples });
        names = Object.keys(figures);
        return concatenate(
          Object.values(figures).map((figure) => reshape(figure, [1])),
          0,
        );
      }),
    );
    return read(values, names);
  }

  /** The alarms that go off at step `step` of `steps`; each once, until its figure is well again. */
  listen(
    step: number,
    steps: number,
    figures: Readonly<Record<string, number>> | null,
    gradientNorm: number,
  ): HealthWarning[] {
    const warnings: HealthWarning[] = [];
    const ring = (key: string, wrong: boolean, warning: HealthWarning): void => {
      if (wrong && !this.#ringing.has(key)) warnings.push(warning);
      if (wrong) this.#ringing.add(key);
      else this.#ringing.delete(key);
    };
    if (this.#norms.length >= FEWEST) {
      const level = OUTLIER * medianOf(this.#norms);
      ring("gradientNorm", gradientNorm > level, {
        figure: "gradientNorm",
        value: gradientNorm,
        level,
        advice: gradientAdvice,
      });
    }
    this.#norms.push(gradientNorm);
    if (this.#norms.length > WINDOW) this.#norms.shift();
    if (figures === null || step < SETTLING * steps) return warnings;
    for (const [index, { above, advice, below, figure }] of (this.#task.alarms ?? []).entries()) {
      const value = figures[figure];
      if (value === undefined) continue;
      const low = below !== undefined && value < below;
      const high = above !== undefined && value > above;
      ring(`${index} ${figure}`, low || high, {
        figure,
        value,
        level: (low ? below : above) ?? Number.NaN,
        advice,
      });
    }
    return warnings;
  }
}

async function read(values: Tensor, names: readonly string[]): Promise<Record<string, number>> {
  const numbers = await values.data();
  values.dispose();
  return Object.fromEntries(names.map((name, index) => [name, Number(numbers[index])]));
}
