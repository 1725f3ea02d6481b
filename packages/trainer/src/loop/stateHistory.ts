import { copyInto, empty, keep, type Tensor } from "@splitmask/autograd";
import type { TrainedState } from "./trainedState.js";

/** What stood before a step. */
interface Slot {
  /** By the parameters' order. */
  readonly parameters: readonly Tensor[];
  /**
   * The optimizer's and the average's tensors by name; made with a parameter's first step, so there may be none yet.
   */
  readonly optimizer: Map<string, Tensor>;
  optimizerStep: number;
  parameterSteps: ReadonlyMap<string, number>;
}

/**
 * Copies on the device of what training changes, from before each of the last steps, so that a step can be run again or
 * undone.
 */
export class StateHistory {
  readonly #parameters: readonly Tensor[];
  readonly #optimizer: TrainedState | null;
  readonly #slots: readonly Slot[];

  /**
   * Remembers the last `depth` steps.
   *
   * @param optimizer Its state is remembered too; null: only the parameters, which is enough to run a step again.
   */
  constructor(parameters: readonly Tensor[], optimizer: TrainedState | null, depth: number) {
    this.#parameters = parameters;
    this.#optimizer = optimizer;
    this.#slots = Array.from({ length: depth }, () => ({
      parameters: parameters.map(roomFor),
      optimizer: new Map<string, Tensor>(),
      optimizerStep: 0,
      parameterSteps: new Map(),
    }));
  }

  /** Enqueues the copy of the state as it is before the step with this index. */
  save(step: number): void {
    const slot = this.#slot(step);
    for (const [index, parameter] of this.#parameters.entries()) copyInto(slot.parameters[index]!, parameter);
    if (this.#optimizer === null) return;
    const state = this.#optimizer.stateDict();
    slot.optimizerStep = state.step;
    slot.parameterSteps = state.parameterSteps;
    // After a step back a parameter may have no state again.
    for (const [name, room] of slot.optimizer) {
      if (state.tensors.has(name)) continue;
      room.dispose();
      slot.optimizer.delete(name);
    }
    for (const [name, tensor] of state.tensors) {
      let room = slot.optimizer.get(name);
      if (room === undefined) {
        room = roomFor(tensor);
        slot.optimizer.set(name, room);
      }
      copyInto(room, tensor);
    }
  }

  /** Enqueues putting everything back as it was before the step with this index, one of the last `depth`. */
  restore(step: number): void {
    const slot = this.#slot(step);
    for (const [index, parameter] of this.#parameters.entries()) copyInto(parameter, slot.parameters[index]!);
    const { optimizer: tensors, optimizerStep, parameterSteps } = slot;
    this.#optimizer?.loadStateDict({ step: optimizerStep, parameterSteps, tensors });
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const { optimizer, parameters } of this.#slots) {
      for (const tensor of [...parameters, ...optimizer.values()]) tensor.dispose();
    }
  }

  #slot(step: number): Slot {
    return this.#slots[step % this.#slots.length]!;
  }
}

function roomFor(tensor: Tensor): Tensor {
  return keep(empty(tensor.device, tensor.shape, tensor.dtype));
}
