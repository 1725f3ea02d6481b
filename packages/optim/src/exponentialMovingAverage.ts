import { clone, copyInto, type HostTensor, keep, scope, Tensor } from "@splitmask/autograd";
import type { NamedParameters } from "./parameterGroups.js";

/** How an average begins: its decay rises with the number of updates. */
export interface AverageWarmup {
  /** Updates are divided by it. Default 1. */
  readonly gamma?: number;
  /** How fast the decay rises: 2/3 for a million steps, 3/4 for fewer. Default 2/3. */
  readonly power?: number;
}

/** Options of `ExponentialMovingAverage`. */
export interface ExponentialMovingAverageOptions {
  /** How much of the average stays at an update, in [0, 1]. Default 0.9999. */
  readonly decay?: number;
  /**
   * Update n (from 0) decays by min(decay, 1 − (1 + n/gamma)^−power), so that the first weights are soon forgotten and
   * the first update copies the weights; null: by `decay` from the start. Default null.
   */
  readonly warmup?: AverageWarmup | null;
}

/** An average, and what it is the average of. */
export interface AveragedTensor {
  /** Changed in place. */
  readonly average: Tensor;
  /** Of the same shape and dtype. */
  readonly value: Tensor;
}

/**
 * Updates moving averages: average ← decay·average + (1 − decay)·value, each in place, all in one kernel call. For a
 * teacher that follows its student, or for running statistics.
 *
 * @param tensors Any shapes, all of one dtype (float32 or float64).
 * @param decay Share of an average that is kept, from 0 to 1.
 */
export function updateAverages(tensors: readonly AveragedTensor[], decay: number): void {
  const first = tensors[0]?.average;
  first?.device.run("moveAverages", first.dtype as "float32" | "float64", {
    weight: 1 - decay,
    each: tensors.map(({ average, value }) => ({ average, value, size: average.size })),
  });
}

/** What is saved of a moving average. */
export interface AverageState<Element extends HostTensor | Tensor = HostTensor | Tensor> {
  /** How often it was updated. */
  readonly updates: number;
  /** The averages under the parameters' names. */
  readonly tensors: Map<string, Element>;
}

/**
 * A moving average of a model's weights, which is often better than the weights themselves: average ← decay·average +
 * (1 − decay)·weights after each step. The numbers of timm's `ModelEmaV2`, and with `warmup` those of `ModelEmaV3` with
 * `use_warmup`. One kernel call, nothing waits. Parameters that are frozen are averaged too: they equal their average.
 */
export class ExponentialMovingAverage {
  /** How much of the average stays at an update. */
  readonly decay: number;
  /** How the decay rises, or null. */
  readonly warmup: Required<AverageWarmup> | null;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #averages: ReadonlyMap<string, Tensor>;
  #updates = 0;
  #swapped = false;

  /**
   * Begins with a copy of the weights.
   *
   * @throws RangeError If the decay is not in [0, 1], or gamma or power is not positive.
   */
  constructor(model: NamedParameters, options: ExponentialMovingAverageOptions = {}) {
    const { decay = 0.9999, warmup = null } = options;
    if (!(decay >= 0 && decay <= 1)) {
      throw new RangeError(`ExponentialMovingAverage: decay is ${decay}; expected a number from 0 to 1.`);
    }
    this.decay = decay;
    this.warmup = warmup === null ? null : { gamma: warmup.gamma ?? 1, power: warmup.power ?? 2 / 3 };
    for (const [name, value] of Object.entries(this.warmup ?? {})) {
      if (!(value > 0)) {
        throw new RangeError(`ExponentialMovingAverage: warmup.${name} is ${value}; expected a number > 0.`);
      }
    }
    this.#parameters = model.namedParameters();
    this.#averages = new Map([...this.#parameters].map(([name, value]) => [name, keep(clone(value))]));
  }

  /** How many updates were made. */
  get updates(): number {
    return this.#updates;
  }

  /** The decay of the update after `updates` of them. */
  decayAt(updates: number): number {
    if (this.warmup === null) return this.decay;
    const { gamma, power } = this.warmup;
    return Math.min(this.decay, 1 - (1 + updates / gamma) ** -power);
  }

  /**
   * Takes in the weights as they are now, behind what is on the queue.
   *
   * @throws Error If the averages are swapped in.
   */
  update(): void {
    if (this.#swapped) {
      throw new Error(
        "ExponentialMovingAverage: update() while the averages stand in the model. Call swap() again first.",
      );
    }
    const tensors = [...this.#averages].map(([name, average]) => ({
      average,
      value: this.#parameters.get(name)!,
    }));
    updateAverages(tensors, this.decayAt(this.#updates));
    this.#updates++;
  }

  /** Exchanges the model's weights and the averages, behind what is on the queue. A second call puts them back. */
  swap(): void {
    for (const [name, average] of this.#averages) {
      const parameter = this.#parameters.get(name)!;
      scope(average.device, () => {
        const weights = clone(parameter.detach());
        copyInto(parameter, average);
        copyInto(average, weights);
      });
    }
    this.#swapped = !this.#swapped;
  }

  /**
   * Runs something, e.g. an evaluation, with the averages as the model's weights, and puts the weights back however it
   * ends.
   */
  async withAverages<Result>(run: () => Result | Promise<Result>): Promise<Result> {
    this.swap();
    try {
      return await run();
    } finally {
      this.swap();
    }
  }

  /** The averages under the parameters' names; they are its own, not copies. */
  stateDict(): AverageState<Tensor> {
    return { updates: this.#updates, tensors: new Map(this.#averages) };
  }

  /** The averages on the host, when the device has come that far: what `writeSafetensors` takes. */
  async hostStateDict(): Promise<AverageState<HostTensor>> {
    const { updates, tensors } = this.stateDict();
    const entries = [...tensors].map(async ([name, tensor]) => [name, await tensor.toHost()] as const);
    return { updates, tensors: new Map(await Promise.all(entries)) };
  }

  /**
   * Takes over a saved state.
   *
   * @throws Error If a name is missing or unknown or a shape differs; then nothing is taken over.
   */
  loadStateDict(saved: {
    readonly updates: number;
    readonly tensors: ReadonlyMap<string, HostTensor | Tensor>;
  }): void {
    const { tensors, updates } = saved;
    const describe = (tensor?: HostTensor | Tensor) =>
      tensor === undefined ? "none" : tensor.shape.join("×");
    const wrong = [...new Set([...this.#averages.keys(), ...tensors.keys()])].filter(
      (name) => describe(tensors.get(name)) !== describe(this.#averages.get(name)),
    );
    if (wrong.length > 0) {
      const named = wrong
        .slice(0, 8)
        .map(
          (name) =>
            `${name} (given ${describe(tensors.get(name))}, expected ${describe(this.#averages.get(name))})`,
        );
      throw new Error(
        `ExponentialMovingAverage.loadStateDict: ${wrong.length} averages are another model's: ` +
          `${named.join(", ")}. Load the averages that were saved together with these weights.`,
      );
    }
    for (const [name, average] of this.#averages) {
      const given = tensors.get(name)!;
      copyInto(average, given instanceof Tensor ? given : (given.data as Float32Array<ArrayBuffer>));
    }
    this.#updates = updates;
  }

  /** Gives the memory back; it cannot be used afterwards. */
  dispose(): void {
    for (const average of this.#averages.values()) average.dispose();
  }
}
