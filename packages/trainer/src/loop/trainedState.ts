import type { HostTensor, Tensor } from "@splitmask/autograd";
import type { ExponentialMovingAverage, Optimizer } from "@splitmask/optim";

const AVERAGE = "average.";

/** What a checkpoint holds besides the weights: the optimizer's tensors, and the moving average's as `average.<name>`. */
export class TrainedState {
  readonly #optimizer: Optimizer;
  readonly #average: ExponentialMovingAverage | null;

  /** Of a run that has both, or no average. */
  constructor(optimizer: Optimizer, average: ExponentialMovingAverage | null) {
    this.#optimizer = optimizer;
    this.#average = average;
  }

  /** The tensors on the device. */
  stateDict(): { readonly step: number; readonly tensors: Map<string, Tensor> } {
    const { step, tensors } = this.#optimizer.stateDict();
    const all = new Map(tensors);
    for (const [name, tensor] of this.#average?.stateDict().tensors ?? []) all.set(AVERAGE + name, tensor);
    return { step, tensors: all };
  }

  /** The tensors on the host, when the device has come that far. */
  async hostStateDict(): Promise<{ readonly step: number; readonly tensors: Map<string, HostTensor> }> {
    const reading = [this.#optimizer.hostStateDict(), this.#average?.hostStateDict()] as const;
    const [{ step, tensors }, averages] = await Promise.all(reading);
    for (const [name, tensor] of averages?.tensors ?? []) tensors.set(AVERAGE + name, tensor);
    return { step, tensors };
  }

  /** Takes over a saved state: the average is updated once a step. */
  loadStateDict(saved: {
    readonly step: number;
    readonly tensors: ReadonlyMap<string, Tensor | HostTensor>;
  }): void {
    const { step, tensors } = saved;
    const own = [...tensors].filter(([name]) => !name.startsWith(AVERAGE));
    this.#optimizer.loadStateDict({ step, tensors: new Map(own) });
    if (this.#average === null) return;
    this.#average.loadStateDict({ updates: step, tensors: averagesOf(tensors) });
  }
}

/**
 * The moving averages in the optimizer's tensors of a checkpoint, under the parameters' names; empty for a run without them.
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
