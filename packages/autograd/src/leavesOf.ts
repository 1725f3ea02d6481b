import type { Node } from "./tape.js";
import type { Tensor } from "./tensor.js";

/**
 * The leaves that `tensor.backward()` gives a gradient to, each once: what `tensor` was computed from and requires a
 * gradient. Those that only a `checkpoint` reads are not among them, because it records nothing until then.
 *
 * @returns Nothing if the tensor was not computed from such leaves, or its graph was used.
 */
export function leavesOf(tensor: Tensor): Tensor[] {
  return (tensor.node as Node | null)?.leaves ?? [];
}
