import type { Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/**
 * The tensors that an operation reads, by name, or as a list if their number varies. `null`: an optional tensor that
 * was not given.
 */
export type OperationInputs = Readonly<Record<string, Tensor | null>> | readonly Tensor[];

/** For each input, whether its gradient is wanted. */
export type GradientNeeds<I extends OperationInputs> = { readonly [Name in keyof I]: boolean };

/** For each input, its gradient (of the input's shape), or `null` if it is not wanted. */
export type InputGradients<I extends OperationInputs> = { readonly [Name in keyof I]: Tensor | null };

/** What a forward function keeps for its gradient. */
export type SavedTensors = Readonly<Record<string, Tensor | null>>;

/** The argument of a gradient rule. */
export interface GradientStep<I extends OperationInputs, Attributes, S extends SavedTensors> {
  /**
   * The gradient with respect to the operation's output. The rule may return it, but must not write to it; see
   * `writableGradient`.
   */
  readonly outputGradient: Tensor;
  /**
   * What the forward function saved; released after the rule. The rule may return these tensors, and overwrite those
   * that the forward function made.
   */
  readonly saved: S;
  /** The operation's attributes. */
  readonly attributes: Attributes;
  /** Which gradients are wanted. The others may be `null`; if they are computed, they are dropped. */
  readonly needs: GradientNeeds<I>;
  /** The inputs' shapes. */
  readonly shapes: { readonly [Name in keyof I]: Shape };
  /**
   * A tensor of the output gradient's shape to write a result to: the output gradient itself if nothing else uses its
   * memory, else a new tensor. For kernels that work in place.
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
   * Computes the output again from `saved`, bit for bit. For outputs that take little time but much memory: if a later
   * operation saves such an output, the graph does not keep it but calls this function in the backward pass.
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
   * Computes the result with kernels (`device.run`) or other operations. No graph is recorded inside, and tensors that
   * are neither returned nor saved are released when it returns.
   *
   * @param inputs The inputs that `perform` was given.
   * @param attributes The arguments that are no tensors.
   * @param needs Which gradients will be wanted. All are false if no graph is recorded; then nothing needs to be saved.
   */
  forward(inputs: I, attributes: Attributes, needs: GradientNeeds<I>): ForwardResult<S>;
  /**
   * The gradient rule: returns one entry for each input. It runs like `forward`: without recording, and with its other
   * tensors released.
   */
  gradient(step: GradientStep<I, Attributes, S>): InputGradients<I>;
}

/** An operation of any inputs, as the tape holds it. */
// biome-ignore lint/suspicious/noExplicitAny: the inputs' and attributes' types stay inside each operation's file
export type AnyOperation = DifferentiableOperation<any, any, any>;

/**
 * Defines a differentiable operation: what `torch.autograd.Function` is in PyTorch. The types of inputs, attributes
 * and saved tensors are inferred from `forward`, so a gradient rule that forgets an input, or reads what was not saved,
 * does not compile. `perform` runs it; `checkGradient` of `@splitmask/autograd/testing` checks its gradients.
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
