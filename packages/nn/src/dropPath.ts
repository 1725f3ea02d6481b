import { dropPath, type Tensor } from "@splitmask/autograd";
import type { ForwardContext } from "./forwardContext.js";
import { Module } from "./module.js";

/**
 * Stochastic depth: in training drops a sample's path with a probability and divides the others by 1 − probability. No
 * parameters.
 */
export class DropPath extends Module {
  /** With which probability a sample's path is dropped. */
  readonly probability: number;
  /** The layer's name: what its draws depend on besides seed and step. */
  readonly purpose: string;

  /** Holds the probability and the name. @throws RangeError If the probability is not in [0, 1). */
  constructor(options: { readonly probability: number; readonly purpose: string }) {
    super();
    if (!(options.probability >= 0 && options.probability < 1)) {
      throw new RangeError(
        `DropPath ${options.purpose}: probability is ${options.probability}; expected a number in [0, 1).`,
      );
    }
    this.probability = options.probability;
    this.purpose = options.purpose;
  }

  /** Whether anything can be dropped in this context. */
  isActive(context: ForwardContext): boolean {
    return context.training && this.probability > 0;
  }

  /**
   * Drops or scales each sample's path, then adds the residual.
   *
   * @param x Rows first: a row a sample, or several times all samples one behind the other.
   * @param residual Added afterwards, of the shape of x.
   */
  forward(x: Tensor, context: ForwardContext, residual: Tensor | null = null): Tensor {
    const { training, seed, step, samples } = context;
    return dropPath(x, {
      probability: this.probability,
      training,
      key: { seed, purpose: this.purpose, step },
      rows: samples,
      residual,
    });
  }
}
