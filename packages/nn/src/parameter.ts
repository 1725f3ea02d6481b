import { keep, Tensor } from "@splitmask/autograd";

/** A tensor that is trained: a leaf that requires a gradient and outlives every scope. A `Module` finds its parameters by this class. */
export class Parameter extends Tensor {
  /**
   * @param initial The first values. The parameter takes its place: `initial` is disposed.
   * @throws TypeError If the dtype is not float32 or float64.
   */
  constructor(initial: Tensor) {
    initial.buffer.retain();
    super(initial.device, initial.shape, initial.dtype, initial.buffer, initial.byteOffset);
    keep(this);
    initial.dispose();
    this.requiresGrad = true;
  }
}
