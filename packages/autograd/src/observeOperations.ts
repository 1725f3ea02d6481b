import type { Device } from "@splitmask/kernels";
import type { Tensor } from "./tensor.js";

/** An operation, or its gradient rule in the backward pass. */
export interface ObservedOperation {
  /** The operation's name, e.g. `"linear"`. */
  readonly name: string;
  /** `"backward"`: its gradient rule. */
  readonly direction: "forward" | "backward";
  /**
   * What it reads, by name: of a forward operation its inputs, of a gradient rule the gradient of the output. Valid
   * only during the call.
   */
  readonly inputs: Readonly<Record<string, Tensor | null>>;
}

/** Hears of operations while they are put on the queue. */
export interface OperationObserver {
  /** Before the operation's first kernel. */
  begins(operation: ObservedOperation): void;
  /**
   * After its last kernel.
   *
   * @param outputs `{ output }` of a forward operation, the gradients by the inputs' names of a gradient rule (null
   * where none is wanted). Valid only during the call.
   */
  ends(operation: ObservedOperation, outputs: Readonly<Record<string, Tensor | null>>): void;
}

// Keyed by device, like scopes: nothing outlives its device.
const observers = new WeakMap<Device, OperationObserver>();

/** Who hears of the operations on this device, if anybody. */
export function observerOf(device: Device): OperationObserver | undefined {
  return observers.get(device);
}

/**
 * Runs `fn` and tells an observer of every differentiable operation and gradient rule that it puts on the device's
 * queue, in their order: for tracing. What the observer enqueues lies between them. Operations that are made of others
 * (checkpoints, a user's own) begin before those and end after them.
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
