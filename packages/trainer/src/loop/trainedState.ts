import type { HostTensor, Tensor } from "@splitmask/autograd";
import type { ExponentialMovingAverage, Optimizer, OptimizerState } from "@splitmask/optim";

const AVERAGE = "average.";

/**
 * What a checkpoint holds besides the weights: the optimizer's tensors, and the moving average's as `average.<name>`.
 */
export class TrainedState {
  readonly #optimizer: Optimizer;
  readonly #average: ExponentialMovingAverage | null;

  /** Of a run that has both, or no average. */
  constructor(optimizer: Optimizer, average: ExponentialMovingAverage | null) {
    this.#optimizer = optimizer;
    this.#average = average;
  }

  /** The tensors on the device. */
  stateDict(): OptimizerState<Tensor> {
    const { tensors, ...steps } = this.#optimizer.stateDict();
    const all = new Map(tensors);
    for (const [name, tensor] of this.#average?.stateDict().tensors ?? []) all.set(AVERAGE + name, tensor);
    return { ...steps, tensors: all };
  }

  /** The tensors on the host, when the device has come that far. */
  async hostStateDict(): Promise<OptimizerState<HostTensor>> {
    const reading = [this.#optimizer.hostStateDict(), this.#average?.hostStateDict()] as const;
    const [state, averages] = await Promise.all(reading);
    for (const [name, tensor] of averages?.tensors ?? []) state.tensors.set(AVERAGE + name, tensor);
    return state;
  }

  /** Takes over a saved state: the average is updated once a step. */
  loadStateDict(
    saved: Pick<OptimizerState, "step" | "parameterSteps"> & {
      readonly tensors: ReadonlyMap<string, Tensor | HostTensor>;
    },
  ): void {
    const { step, parameterSteps, tensors } = saved;
    const own = [...tensors].filter(([name]) => !name.startsWith(AVERAGE));
    this.#optimizer.loadStateDict({ step, parameterSteps, tensors: new Map(own) });
    if (this.#average === null) return;
    this.#average.loadStateDict({ updates: step, tensors: averagesOf(tensors) });
  }
}

/**
 * The moving averages in the optimizer's tensors of a checkpoint, under the parameters' names; empty for a run without
 * them.
 *
 * @param optimizer `(await readCheckpoint(path)).optimizer`.
 */
export function averagesOf<Value extends Tensor | HostTensor>(
  optimizer: ReadonlyMap<string, Value>,
): Map<string, Value> {
  return new Map(
    [...optimizer].flatMap(([name, tensor]) =>
      name.startsWith(AVERAGE) ? [[name.slice(AVERAGE.length), tensor] as const] : [],
    ),
  );
}
