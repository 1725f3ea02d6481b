import { describeOther } from "./copies.js";
import { gradientDtype, isFloating } from "./elements.js";
import { observerOf } from "./observeOperations.js";
import type {
  AnyOperation,
  DifferentiableOperation,
  ForwardResult,
  GradientNeeds,
  OperationInputs,
  SavedTensors,
} from "./operation.js";
import { isRecording, leaveScope, madeInScope, noGrad, scope } from "./scope.js";
import { Node, type Remake } from "./tape.js";
import { describe, Tensor } from "./tensor.js";

/**
 * Runs an operation on its inputs. If an input needs a gradient, the result gets a graph. This is what `apply` of a
 * `torch.autograd.Function` does.
 *
 * @param operation What `defineOperation` returned.
 * @param inputs Its tensors by name (or as a list); `null` for an optional one that is not given.
 * @param attributes Its other arguments; may be left out if it takes none.
 * @returns Its output.
 * @throws TypeError If the inputs are on different devices, there are none, or `forward` did not return a tensor.
 */
export function perform<I extends OperationInputs, Attributes, S extends SavedTensors>(
  operation: DifferentiableOperation<I, Attributes, S>,
  inputs: I,
  ...[attributes]: undefined extends Attributes ? [attributes?: Attributes] : [attributes: Attributes]
): Tensor {
  const names = Object.keys(inputs);
  const tensors = inputs as Readonly<Record<string, Tensor | null>>;
  const device = checkDevices(operation.name, names, tensors);
  const recording = isRecording(device);
  let needed = false;
  // A list of inputs has a list of needs and shapes, as the types say.
  const needs = (Array.isArray(inputs) ? [] : {}) as Record<string, boolean>;
  for (const name of names) {
    const need = recording && tensors[name] !== null && tensors[name]!.requiresGrad;
    needs[name] = need;
    needed ||= need;
  }
  const observer = observerOf(device);
  const observed = { name: operation.name, direction: "forward", inputs: tensors } as const;
  const kept: Record<string, Tensor | Node | null> = {};
  const { output, remake } = scope(device, () =>
    noGrad(device, () => {
      observer?.begins(observed);
      const result = operation.forward(inputs, attributes as Attributes, needs as GradientNeeds<I>);
      checkResult(operation.name, result, needed);
      // A graph hangs behind the operation's own handle, never behind one that somebody else holds.
      const own = madeInScope(device, result.output) ? result.output : result.output.alias();
      observer?.ends(observed, { output: own });
      if (needed) {
        for (const [name, tensor] of Object.entries(result.saved))
          kept[name] = keepForRule(tensor, result.output, Object.values(tensors));
      }
      return { output: own, remake: result.remake as Remake };
    }),
  );
  if (needed)
    output.attachNode(
      new Node(operation as AnyOperation, names, tensors, needs, attributes, kept, output, remake),
    );
  return output;
}

/**
 * What the tape holds of a saved tensor: the node of an input that can be remade, the tensor itself where the operation
 * made it, else a second handle.
 */
function keepForRule(
  tensor: Tensor | null,
  output: Tensor,
  inputs: readonly (Tensor | null)[],
): Tensor | Node | null {
  if (tensor === null) return null;
  const node = tensor.node as Node | null;
  if (node?.canRemake && inputs.includes(tensor)) return node;
  if (tensor === output || !madeInScope(tensor.device, tensor)) return tensor.hold();
  leaveScope(tensor);
  return tensor;
}

function checkResult(
  operation: string,
  result: Pick<ForwardResult<SavedTensors>, "output" | "saved">,
  needed: boolean,
): void {
  if (!(result?.output instanceof Tensor) || typeof result.saved !== "object" || result.saved === null) {
    throw new TypeError(
      `${operation}: forward returned no { output, saved }. Return the resulting tensor as output, ` +
        "and what the gradient rule needs as saved ({} for nothing); forward has to be synchronous.",
    );
  }
  if (needed && !isFloating(gradientDtype(result.output.dtype))) {
    throw new TypeError(
      `${operation}: the output is ${describe(result.output)}, ` +
        "and only float32 and float64 have gradients. Give it detached inputs, e.g. x.detach().",
    );
  }
}

function checkDevices(
  operation: string,
  names: readonly string[],
  inputs: Readonly<Record<string, Tensor | null>>,
): Tensor["device"] {
  let first: string | null = null;
  for (const name of names) {
    if (inputs[name] === null) continue;
    if (!(inputs[name] instanceof Tensor)) {
      throw new TypeError(
        `${operation}: ${name} is ${describeOther(inputs[name])}, or null for an optional one that is not there.`,
      );
    }
    first ??= name;
    if (inputs[name]!.device !== inputs[first]!.device) {
      throw new TypeError(
        `${operation}: ${first} and ${name} are on different devices. ` +
          `Make both with the same device, e.g. tensor(${first}.device, await ${name}.toHost()).`,
      );
    }
  }
  if (first === null) throw new TypeError(`${operation}: no tensor was given.`);
  return inputs[first]!.device;
}
