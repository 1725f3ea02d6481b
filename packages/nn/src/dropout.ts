import { dropout, type Tensor } from "@splitmask/autograd";
import type { ForwardContext } from "./forwardContext.js";
import { Module } from "./module.js";

/**
 * Dropout: in training sets each element to zero with a probability and divides the others by 1 − probability. No
 * parameters.
 */
export class Dropout extends Module {
  /** With which probability an element is dropped. */
  readonly probability: number;
  /** The layer's name: what its draws depend on besides seed, step and sample. */
  readonly purpose: string;

  /** Holds the probability and the name. @throws RangeError If the probability is not from 0 to 1. */
  constructor(options: { readonly probability: number; readonly purpose: string }) {
    super();
    if (!(options.probability >= 0 && options.probability <= 1)) {
      throw new RangeError(
        `Dropout ${options.purpose}: probability is ${options.probability}; expected a number from 0 to 1.`,
      );
    }
    this.probability = options.probability;
    this.purpose = options.purpose;
  }

  /**
   * Drops or scales each element.
   *
   * @param x Samples first: a row a sample, or several times all samples one behind the other.
   */
  forward(x: Tensor, { training, seed, step, samples }: ForwardContext): Tensor {
    const { probability, purpose } = this;
    return dropout(x, { probability, training, key: { seed, purpose, step }, rows: samples });
  }
}
