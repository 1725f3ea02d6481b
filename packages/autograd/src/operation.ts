import type { Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/**
 * The tensors that an operation reads, by name (or a list, where their number is free). `null`: an optional one that
 * was not given.
 */
export type OperationInputs = Readonly<Record<string, Tensor | null>> | readonly Tensor[];

/** For each input, whether its gradient is wanted. */
export type GradientNeeds<I extends OperationInputs> = { readonly [Name in keyof I]: boolean };

/** For each input, its gradient (of its shape), or `null` where none is wanted. */
export type InputGradients<I extends OperationInputs> = { readonly [Name in keyof I]: Tensor | null };

/** What a forward function keeps for its gradient. */
export type SavedTensors = Readonly<Record<string, Tensor | null>>;

/** What a gradient rule sees. */
export interface GradientStep<I extends OperationInputs, Attributes, S extends SavedTensors> {
  /**
   * The gradient with respect to the operation's output. May be returned as it is; it must not be written: see
   * `writableGradient`.
   */
  readonly outputGradient: Tensor;
  /**
   * What the forward function saved; released after the rule. May be returned (and overwritten, where the forward
   * function made it).
   */
  readonly saved: S;
  /** The operation's attributes. */
  readonly attributes: Attributes;
  /** Which gradients are wanted. The others may be left at `null`; what is computed of them is thrown away. */
  readonly needs: GradientNeeds<I>;
  /** The inputs' shapes. */
  readonly shapes: { readonly [Name in keyof I]: Shape };
  /**
   * A tensor of the output gradient's shape to write a result to: the output gradient itself, where nobody else holds
   * it, else a fresh one. For kernels that work in place.
   */
  writableGradient(): Tensor;
}

/** What a forward function returns. */
export interface ForwardResult<S extends SavedTensors> {
  /** The result. */
  readonly output: Tensor;
  /** What the gradient rule will need: inputs, the output, or anything else; `{}` for nothing. */
  readonly saved: S;
  /**
   * Makes the output once more from `saved`, bit for bit: for outputs that are cheap beside what they cost in memory.
   * Where a later operation saves such an output, the tape keeps none of it and calls this in the backward pass.
   */
  readonly remake?: ((saved: S) => Tensor) | undefined;
}

/** An operation with its gradient. */
export interface DifferentiableOperation<
  I extends OperationInputs = OperationInputs,
  Attributes = unknown,
  S extends SavedTensors = SavedTensors,
> {
  /** Names it in errors and traces, e.g. `"rmsNorm"`. */
  readonly name: string;
  /**
   * The result, from kernels (`device.run`) or other operations. Nothing is recorded inside, and what is neither
   * returned nor saved is released when it returns.
   *
   * @param inputs What `perform` was given.
   * @param attributes Whatever is no tensor.
   * @param needs Which gradients will be wanted; all false when nothing is recorded: then nothing has to be saved.
   */
  forward(inputs: I, attributes: Attributes, needs: GradientNeeds<I>): ForwardResult<S>;
  /** The gradient rule: one entry for each input. Runs like `forward`: unrecorded, and cleaned up after. */
  gradient(step: GradientStep<I, Attributes, S>): InputGradients<I>;
}

/** An operation of any inputs, as the tape holds it. */
// biome-ignore lint/suspicious/noExplicitAny: the inputs' and attributes' types stay inside each operation's file
export type AnyOperation = DifferentiableOperation<any, any, any>;

/**
 * Defines a differentiable operation: what `torch.autograd.Function` is in PyTorch. The types of inputs, attributes
 * and saved tensors are inferred from `forward`, so that the rule sees its own: one that forgets an input, or reads
 * what was not saved, does not compile. `perform` runs it; `checkGradient` of `@splitmask/autograd/testing` proves it.
 *
 * @returns The same operation.
 * @example
 * ```ts
 * import { affine, defineOperation, perform, sum, type Tensor, tensor } from "@splitmask/autograd";
 * import { createDevice } from "@splitmask/kernels";
 *
 * // y = x; ∂/∂x = −factor·g: the gradient reversal of domain-adversarial training (Ganin et al. 2016).
 * const reversal = defineOperation({
 *   name: "reverseGradient",
 *   forward: ({ x }: { x: Tensor }, _attributes: { factor: number }) => ({ output: x, saved: {} }),
 *   gradient: ({ outputGradient, attributes }) => ({ x: affine(outputGradient, -attributes.factor) }),
 * });
 *
 * const device = createDevice();
 * const x = tensor(device, [1, 2], undefined, { requiresGrad: true });
 * sum(perform(reversal, { x }, { factor: 0.5 })).backward();
 * console.log(await x.grad!.data()); // [−0.5, −0.5]
 * device.close();
 * ```
 */
export function defineOperation<I extends OperationInputs, Attributes, S extends SavedTensors>(
  operation: DifferentiableOperation<I, Attributes, S>,
): DifferentiableOperation<I, Attributes, S> {
  return operation;
}
