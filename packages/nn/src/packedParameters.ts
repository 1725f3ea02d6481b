import { type PackedWeights, packWeights, type WeightFormat } from "@splitmask/autograd";
import type { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/**
 * The weights of all linear layers of a model, packed for inference; the layers use them where a `ForwardContext` has
 * them. They are of the values that the parameters had when they were packed; used after a parameter changed, they are
 * an error, never stale.
 */
export class PackedParameters {
  /** How elements are stored. */
  readonly format: WeightFormat;
  readonly #packed = new Map<Parameter, PackedWeights>();

  /**
   * Packs them.
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

  /** The packed form of a parameter; undefined where it is none of the model's linear weights. */
  of(parameter: Parameter): PackedWeights | undefined {
    return this.#packed.get(parameter);
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return [...this.#packed.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Gives their memory back; the model stays as it is. */
  dispose(): void {
    for (const packed of this.#packed.values()) packed.dispose();
  }
}
