import type { OperationName } from "./ops/names.js";
import { isRecording, leaveScope, observerOf } from "./scope.js";
import type { Shape } from "./shape.js";
import { Node, type Remake } from "./tape.js";
import type { Tensor } from "./tensor.js";

/** The tensors that an operation reads, by name (or a list, where their number is free). `null`: an optional one that was not given. */
export type Inputs = Readonly<Record<string, Tensor | null>> | readonly Tensor[];

/** For each input, whether its gradient is wanted. */
export type Needs<I extends Inputs> = { readonly [Name in keyof I]: boolean };

/** For each input, its gradient (of its shape), or `null` where none is wanted. */
export type Gradients<I extends Inputs> = { readonly [Name in keyof I]: Tensor | null };

/** What a forward function keeps for its gradient. */
export type Saved = Readonly<Record<string, Tensor | null>>;

/** What a gradient rule sees. */
export interface GradientStep<I extends Inputs, Attributes, S extends Saved> {
  /** The gradient with respect to the operation's output. May be returned as it is; it must not be written: see `writableGradient`. */
  readonly outputGradient: Tensor;
  /** What the forward function saved; released after the rule. May be returned (and overwritten, where the forward function made it). */
  readonly saved: S;
  /** The operation's attributes. */
  readonly attributes: Attributes;
  /** Which gradients are wanted: a rule computes no other. */
  readonly needs: Needs<I>;
  /** The inputs' shapes. */
  readonly shapes: { readonly [Name in keyof I]: Shape };
  /** A tensor of the output gradient's shape to write a result to: the output gradient itself, where nobody else holds it, else a fresh one. For kernels that work in place. */
  writableGradient(): Tensor;
}

/** What a forward function returns. */
export interface ForwardResult<S extends Saved> {
  /** The result. */
  readonly output: Tensor;
  /** What the gradient rule will need. */
  readonly saved: S;
  /**
   * Makes the output once more from `saved`, bit for bit: for outputs that are cheap beside what they cost in memory. Where a later operation
   * saves such an output, the tape keeps none of it and calls this in the backward pass.
   */
  readonly remake?: ((saved: S) => Tensor) | undefined;
}

/** An operation with its gradient: what an operation's file defines. */
export interface Operation<
  Name extends OperationName = OperationName,
  I extends Inputs = Inputs,
  Attributes = unknown,
  S extends Saved = Saved,
> {
  /** The name under which the table lists it and errors mention it. */
  readonly name: Name;
  /**
   * Puts the kernels on the queue. Fresh tensors among `saved` belong to the tape from then on; inputs and the output are shared.
   * `needs` is false for all inputs when nothing is recorded: then nothing has to be saved.
   */
  forward(inputs: I, attributes: Attributes, needs: Needs<I>): ForwardResult<S>;
  /** The gradient rule. */
  gradient(step: GradientStep<I, Attributes, S>): Gradients<I>;
}

/** An operation of any inputs, as the table and the tape hold it. */
// biome-ignore lint/suspicious/noExplicitAny: the inputs' and attributes' types stay inside each operation's file
export type AnyOperation<Name extends OperationName = OperationName> = Operation<Name, any, any, any>;

/** Infers the types of an operation from its forward function, so that its gradient rule sees its own inputs, attributes and saved tensors. */
export function defineOperation<Name extends OperationName, I extends Inputs, Attributes, S extends Saved>(
  operation: Operation<Name, I, Attributes, S>,
): Operation<Name, I, Attributes, S> {
  return operation;
}

/** Runs an operation on its inputs and hangs the graph behind the result, if any input needs a gradient. */
export function perform<I extends Inputs, Attributes, S extends Saved>(
  operation: Operation<OperationName, I, Attributes, S>,
  inputs: I,
  attributes: Attributes,
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
  observer?.begins(observed);
  const { output, saved, remake } = operation.forward(inputs, attributes, needs as Needs<I>);
  observer?.ends(observed, { output });
  const kept: Record<string, Tensor | Node | null> = {};
  for (const [name, tensor] of Object.entries(saved)) {
    const shared = tensor === null || tensor === output || names.some((input) => tensors[input] === tensor);
    if (!needed) {
      if (!shared) tensor.dispose();
    } else if (tensor === null) {
      kept[name] = null;
    } else if ((tensor.node as Node | null)?.canRemake) {
      kept[name] = tensor.node as Node;
    } else if (shared) {
      kept[name] = tensor.hold();
    } else {
      leaveScope(tensor);
      kept[name] = tensor;
    }
  }
  if (needed)
    output.attachNode(
      new Node(operation as AnyOperation, names, tensors, needs, attributes, kept, output, remake as Remake),
    );
  return output;
}

function checkDevices(
  operation: string,
  names: readonly string[],
  inputs: Readonly<Record<string, Tensor | null>>,
): Tensor["device"] {
  let first: string | null = null;
  for (const name of names) {
    if (inputs[name] === null) continue;
    first ??= name;
    if (inputs[name]!.device !== inputs[first]!.device) {
      throw new TypeError(
        `${operation}: ${first} and ${name} are on different devices. Make both with the same device, e.g. tensor(${first}.device, await ${name}.toHost()).`,
      );
    }
  }
  if (first === null) throw new TypeError(`${operation}: no tensor was given.`);
  return inputs[first]!.device;
}
