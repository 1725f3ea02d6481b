import { type PackedWeights, packWeights, type WeightFormat } from "@splitmask/autograd";
import type { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/**
 * The weights of all linear layers of a model, packed for inference; the layers use them where they are the `packed` of
 * the `ForwardContext`. They hold the values that the parameters had when they were packed; using them after a
 * parameter has changed throws.
 */
export class PackedParameters {
  /** How elements are stored. */
  readonly format: WeightFormat;
  readonly #packed = new Map<Parameter, PackedWeights>();

  /**
   * Packs the weights as they are now.
   *
   * @param module The model.
   * @param format How elements are stored and multiplied; see `WeightFormat`.
   */
  constructor(module: Module, format: WeightFormat) {
    this.format = format;
    this.#add(module);
  }

  #add(module: Module): void {
    for (const weight of module.linearWeights) {
      if (!this.#packed.has(weight)) this.#packed.set(weight, packWeights(weight, { format: this.format }));
    }
    for (const child of module.children.values()) this.#add(child);
  }

  /** The packed form of a parameter; undefined if it is not one of the model's `linearWeights`. */
  of(parameter: Parameter): PackedWeights | undefined {
    return this.#packed.get(parameter);
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return [...this.#packed.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Frees their memory; the model stays as it is. */
  dispose(): void {
    for (const packed of this.#packed.values()) packed.dispose();
  }
}
