import type { Device } from "@splitmask/kernels";
import type { Tensor } from "./tensor.js";

/** An operation, or its gradient rule in the backward pass. */
export interface ObservedOperation {
  /** The operation's name, e.g. `"linear"`. */
  readonly name: string;
  /** `"backward"`: its gradient rule. */
  readonly direction: "forward" | "backward";
  /**
   * The tensors that it reads, by name: the inputs of a forward operation, or the gradient of the output for a gradient
   * rule. Valid only during the call.
   */
  readonly inputs: Readonly<Record<string, Tensor | null>>;
}

/** Is called when operations are put on the queue. */
export interface OperationObserver {
  /** Called before the operation's first kernel. */
  begins(operation: ObservedOperation): void;
  /**
   * Called after its last kernel.
   *
   * @param outputs `{ output }` for a forward operation; for a gradient rule the gradients by the names of the inputs
   * (null if not wanted). Valid only during the call.
   */
  ends(operation: ObservedOperation, outputs: Readonly<Record<string, Tensor | null>>): void;
}

// Keyed by device, like scopes: nothing outlives its device.
const observers = new WeakMap<Device, OperationObserver>();

/** The observer of this device, if there is one. */
export function observerOf(device: Device): OperationObserver | undefined {
  return observers.get(device);
}

/**
 * Runs `fn` and calls an observer for every differentiable operation and gradient rule that `fn` puts on the device's
 * queue, in order. For tracing. What the observer enqueues comes between them. An operation that is made of others (a
 * checkpoint, one of a user) begins before them and ends after them.
 *
 * @param fn Enqueues synchronously; what it returns may be a promise.
 */
export function observeOperations<Result>(
  device: Device,
  observer: OperationObserver,
  fn: () => Result,
): Result {
  const outer = observers.get(device);
  observers.set(device, observer);
  try {
    return fn();
  } finally {
    if (outer === undefined) observers.delete(device);
    else observers.set(device, outer);
  }
}
