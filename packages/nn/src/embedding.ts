import { copyInto, embedding, normal, slice, type Tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { DrawnOptions } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Sizes of an `Embedding`. */
export interface EmbeddingLayerOptions extends Omit<DrawnOptions, "initializer"> {
  /** V, how many rows there are to look up. */
  readonly numEmbeddings: number;
  /** D, the width of a row. */
  readonly embeddingDim: number;
  /** The row that begins at 0 and gets no gradient. Negative: counted from the end. Default: none. */
  readonly paddingIndex?: number;
  /** How the weight begins. Default: PyTorch's, a normal distribution with mean 0 and standard deviation 1. */
  readonly initializer?: DrawnOptions["initializer"];
}

/** Rows by index, as PyTorch's `Embedding`: int32 … → …×D. Parameter: `weight` V×D. */
export class Embedding extends Module {
  /** V×D. */
  readonly weight: Parameter;
  /** The row that gets no gradient, counted from the beginning; undefined: none. */
  readonly paddingIndex: number | undefined;

  /** Draws the weight. @throws RangeError If a size is no whole number ≥ 1, or there is no row `paddingIndex`. */
  constructor(device: Device, options: EmbeddingLayerOptions) {
    super();
    const { numEmbeddings, embeddingDim, paddingIndex, seed, purpose } = options;
    for (const [name, value] of Object.entries({ numEmbeddings, embeddingDim })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(`Embedding ${purpose}: ${name} is ${value}; expected a whole number ≥ 1.`);
      }
    }
    const padding =
      paddingIndex !== undefined && paddingIndex < 0 ? paddingIndex + numEmbeddings : paddingIndex;
    if (padding !== undefined && !(Number.isInteger(padding) && padding >= 0 && padding < numEmbeddings)) {
      throw new RangeError(
        `Embedding ${purpose}: paddingIndex is ${paddingIndex}; ` +
          `expected a whole number from ${-numEmbeddings} to ${numEmbeddings - 1}.`,
      );
    }
    this.paddingIndex = padding;
    const { initializer = (on, shape, key) => normal(on, shape, { key }) } = options;
    this.weight = Parameter.begin(device, () => {
      const drawn = initializer(device, [numEmbeddings, embeddingDim], {
        seed,
        purpose: `${purpose}.weight`,
      });
      if (padding !== undefined)
        copyInto(slice(drawn, 0, padding, padding + 1), zeros(device, [1, embeddingDim]));
      return drawn;
    });
  }

  /**
   * @param indices int32 of any shape, e.g. B×N.
   * @returns …×D.
   */
  forward(indices: Tensor): Tensor {
    return embedding(this.weight, indices, { paddingIndex: this.paddingIndex });
  }
}
