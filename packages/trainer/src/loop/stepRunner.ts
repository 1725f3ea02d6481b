import { concatenate, noGrad, type ProductPrecision, reshape, scope, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { Parameter } from "@splitmask/nn";
import { clipGradientNorm, clipGradientNorms } from "@splitmask/optim";
import { type BatchCutter, backwardLoss } from "./accumulation.js";
import type { TrainingTask } from "./trainingTask.js";

/** What is read back of one step. */
export interface StepMetrics {
  /** `total`, then the parts by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** Global norm of all gradients before clipping. */
  readonly gradientNorm: number;
}

/** How a step changes the parameters: given the factor on all gradients, a device scalar; null: as they are. */
export type Update = (scale: Tensor | null) => void;

/** Which step it is. */
export interface StepMoment {
  /** Counted from 0. */
  readonly step: number;
  /** Share of the run's steps that come before it. */
  readonly progress: number;
}

/** What is the same in every step. */
export interface StepSettings {
  /** Largest gradient norm; 0: no clipping. */
  readonly clipNorm: number;
  /** Whether the norm is that of all gradients together or each tensor's. Default `"global"`. */
  readonly clipMode?: "global" | "tensor";
  /** Seed of all randomness. */
  readonly seed: number;
  /** Number format of the large products. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
  /** Whether transformer blocks run once more in the backward pass. Default false. */
  readonly recompute?: boolean | undefined;
}

/** Puts steps of a task on the device's queue. */
export class StepRunner<Batch> {
  readonly #device: Device;
  readonly #task: TrainingTask<Batch>;
  readonly #parameters: readonly Parameter[];
  readonly #settings: StepSettings;
  readonly #cut: BatchCutter<Batch> | null;

  /** Steps of `task` with these settings, on whole batches or cut in micro-batches. */
  constructor(
    device: Device,
    task: TrainingTask<Batch>,
    settings: StepSettings,
    cut: BatchCutter<Batch> | null = null,
  ) {
    this.#device = device;
    this.#task = task;
    this.#parameters = [...task.model.namedParameters().values()];
    this.#settings = settings;
    this.#cut = cut;
  }

  /** What is trained. */
  get parameters(): readonly Parameter[] {
    return this.#parameters;
  }

  /** The same by name. */
  get namedParameters(): ReadonlyMap<string, Parameter> {
    return this.#task.model.namedParameters();
  }

  /**
   * Enqueues a step: loss, backward, clipping, `update`, `afterStep`; all in one scope. Nothing is waited for.
   *
   * @param update left out: the gradients are made and thrown away.
   * @returns resolves when the device has computed the step.
   */
  run(moment: StepMoment, batch: Batch, update?: Update): Promise<StepMetrics> {
    const { seed, precision, recompute } = this.#settings;
    const context = { training: true, seed, ...moment, precision, recompute };
    const { values, names } = scope(this.#device, () => {
      this.#dropGradients();
      const { total, parts, statistics } = backwardLoss(this.#device, this.#task, batch, context, this.#cut);
      const { norm, scale } = this.#clip();
      if (update !== undefined) {
        noGrad(this.#device, () => {
          update(scale);
          this.#task.afterStep?.(context, statistics);
        });
      }
      const entries = Object.entries(parts);
      const scalars = [total, norm, ...entries.map(([, part]) => part)];
      const values = noGrad(this.#device, () =>
        concatenate(
          scalars.map((scalar) => reshape(scalar, [1])),
          0,
        ),
      );
      this.#dropGradients();
      return { values, names: entries.map(([name]) => name) };
    });
    const read = async (): Promise<StepMetrics> => {
      const numbers = await values.data();
      values.dispose();
      const losses: Record<string, number> = { total: Number(numbers[0]) };
      for (const [index, name] of names.entries()) losses[name] = Number(numbers[index + 2]);
      return { losses, gradientNorm: Number(numbers[1]) };
    };
    return read();
  }

  #clip(): { readonly norm: Tensor; readonly scale: Tensor | null } {
    const { clipMode = "global", clipNorm } = this.#settings;
    if (clipMode === "global") return clipGradientNorm(this.#parameters, clipNorm);
    return { norm: clipGradientNorms(this.#parameters, clipNorm), scale: null };
  }

  #dropGradients(): void {
    for (const parameter of this.#parameters) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }
}
