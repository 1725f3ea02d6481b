import { clone, keep, scope, Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";

/** Marks the parameters of every copy of this package, so that a model may have parts from several. */
const brand = Symbol.for("@splitmask/nn.Parameter");

/**
 * A tensor that is trained: a leaf that requires a gradient and outlives every scope. A `Module` finds its parameters
 * by this class.
 */
export class Parameter extends Tensor {
  /**
   * @param initial The first values. They are copied: training changes the parameter in place, and `initial` stays what
   * it is.
   * @throws TypeError If the dtype is not float32 or float64.
   */
  constructor(initial: Tensor) {
    const copy = clone(initial);
    copy.buffer.retain();
    super(copy.device, copy.shape, copy.dtype, copy.buffer, copy.byteOffset);
    keep(this);
    copy.dispose();
    this.requiresGrad = true;
  }

  /**
   * A parameter of first values that nobody else needs: what `make` made is given back at once.
   *
   * @param device Where they are made.
   * @param make Makes them.
   */
  static begin(device: Device, make: () => Tensor): Parameter {
    return scope(device, () => new Parameter(make()));
  }
}
Object.defineProperty(Parameter.prototype, brand, { value: true });

/** Whether something is a parameter, of this copy of the package or another. */
export function isParameter(value: unknown): value is Parameter {
  return typeof value === "object" && value !== null && brand in value;
}
