import { full, scaleColumns, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Multiplies each column by a trained number (Touvron et al. 2021): …×D → …×D. Parameter: `gamma` D. */
export class LayerScale extends Module {
  /** D. */
  readonly gamma: Parameter;

  /** @param options `initial`: the first value of every number, e.g. 0.1 or 1e-5. */
  constructor(device: Device, options: { readonly width: number; readonly initial: number }) {
    super();
    this.gamma = Parameter.begin(device, () => full(device, [options.width], options.initial));
  }

  /**
   * x·gamma, plus the residual.
   *
   * @param residual Added in the same kernel, of the shape of x.
   */
  forward(x: Tensor, residual: Tensor | null = null): Tensor {
    return scaleColumns(x, this.gamma, { residual });
  }
}
