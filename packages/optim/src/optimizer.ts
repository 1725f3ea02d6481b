import { copyInto, empty, type HostTensor, keep, Tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ParameterGroup } from "./parameterGroups.js";

/**
 * An optimizer's state: how many steps it made, each parameter's where it took part in fewer, and its tensors under
 * `<kind>.<parameter's name>`.
 */
export interface OptimizerState<Element extends HostTensor | Tensor = HostTensor | Tensor> {
  /** Steps made. */
  readonly step: number;
  /** How many of them changed a parameter, by its name, where that is fewer: it had no gradient in the others. */
  readonly parameterSteps: ReadonlyMap<string, number>;
  /** E.g. `first_moment.blocks.0.attn.qkv.weight`. */
  readonly tensors: Map<string, Element>;
}

/** What one step may be told. */
export interface StepOptions {
  /** The learning rate of this step; default: the optimizer's `learningRate`. */
  readonly learningRate?: number;
  /** One number on the device that all gradients are multiplied with: `clipGradientNorm(…).scale`. Default none. */
  readonly gradientScale?: Tensor | null;
  /**
   * The weight decay of this step for all groups whose own is not 0, as BEiT and DINO schedule it. Default: each
   * group's own.
   */
  readonly weightDecay?: number;
}

/** One parameter with what the optimizer knows of it. */
export interface Slot {
  /** The name in the model. */
  readonly name: string;
  /** The parameter. */
  readonly parameter: Tensor;
  /** Its weight decay. */
  readonly weightDecay: number;
  /** Factor of the learning rate. */
  readonly learningRateScale: number;
  /** The optimizer's tensors by kind; empty before the parameter's first step. */
  readonly state: Map<string, Tensor>;
  /** How many steps changed the parameter: those in which it had a gradient. */
  steps: number;
}

/** Parameters in groups, their state by name, and steps that are queued without waiting. */
export abstract class Optimizer {
  /** The learning rate of steps that are told no other; a schedule may set it. */
  learningRate: number;
  /** The parameters with their state. */
  protected readonly slots: readonly Slot[];
  /** The kinds of state tensors, e.g. `first_moment`. */
  protected abstract readonly kinds: readonly string[];
  #steps = 0;

  /**
   * @param groups E.g. `parameterGroups(model)`.
   * @throws Error If there is no parameter, one occurs twice, or one requires no gradient.
   */
  constructor(groups: readonly ParameterGroup[], learningRate: number, weightDecay: number) {
    const kind = new.target.name;
    this.learningRate = learningRate;
    const slots: Slot[] = [];
    const seen = new Set<Tensor>();
    const names = new Set<string>();
    for (const group of groups) {
      for (const [name, parameter] of group.parameters) {
        if (seen.has(parameter) || names.has(name)) {
          throw new Error(`${kind}: the parameter ${name} occurs twice; put each parameter in one group.`);
        }
        if (!parameter.requiresGrad) {
          throw new Error(`${kind}: ${name} does not require a gradient; leave it out or set requiresGrad.`);
        }
        seen.add(parameter);
        names.add(name);
        slots.push({
          name,
          parameter,
          weightDecay: group.weightDecay ?? weightDecay,
          learningRateScale: group.learningRateScale ?? 1,
          state: new Map(),
          steps: 0,
        });
      }
    }
    if (slots.length === 0) {
      throw new Error(`${kind}: there is no parameter to train; pass parameterGroups(model).`);
    }
    this.slots = slots;
  }

  /** How many steps were made. */
  get steps(): number {
    return this.#steps;
  }

  /** All parameters, in the order of the groups. */
  get parameters(): Tensor[] {
    return this.slots.map((slot) => slot.parameter);
  }

  /** Changes every parameter that has a gradient, in one kernel call, without waiting. */
  step(options: StepOptions = {}): void {
    const active = this.slots.filter((slot) => slot.parameter.grad !== null);
    this.#steps++;
    if (active.length === 0) return;
    for (const slot of active) {
      this.#prepare(slot);
      slot.steps++;
    }
    const { weightDecay } = options;
    this.apply(
      active[0]!.parameter.device,
      weightDecay === undefined
        ? active
        : active.map((slot) => (slot.weightDecay === 0 ? slot : { ...slot, weightDecay })),
      options.learningRate ?? this.learningRate,
      options.gradientScale ?? null,
    );
  }

  /** Queues the kernel for parameters that have a gradient and their state. */
  protected abstract apply(
    device: Device,
    active: readonly Slot[],
    learningRate: number,
    gradientScale: Tensor | null,
  ): void;

  #prepare(slot: Slot): void {
    for (const kind of this.kinds) {
      if (slot.state.has(kind)) continue;
      const { device, shape, dtype } = slot.parameter;
      slot.state.set(kind, keep(zeros(device, shape, { dtype })));
    }
  }

  /** Lets go of all gradients, so that the next `backward()` starts anew. Their memory is free at once. */
  zeroGrad(): void {
    for (const { parameter } of this.slots) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The step counts and the state's tensors; they are the optimizer's own, not copies. */
  stateDict(): OptimizerState<Tensor> {
    const tensors = new Map<string, Tensor>();
    for (const kind of this.kinds) {
      for (const { name, state } of this.slots) {
        const tensor = state.get(kind);
        if (tensor !== undefined) tensors.set(`${kind}.${name}`, tensor);
      }
    }
    const late = this.slots.filter(({ steps }) => steps < this.#steps);
    const parameterSteps = new Map(late.map(({ name, steps }) => [name, steps]));
    return { step: this.#steps, parameterSteps, tensors };
  }

  /** The state on the host, when the device has come that far: its tensors are what `writeSafetensors` takes. */
  async hostStateDict(): Promise<OptimizerState<HostTensor>> {
    const { tensors, ...steps } = this.stateDict();
    const entries = [...tensors].map(async ([name, tensor]) => [name, await tensor.toHost()] as const);
    return { ...steps, tensors: new Map(await Promise.all(entries)) };
  }

  /**
   * Takes over a saved state. Parameters that had none (never had a gradient) begin anew.
   *
   * @param saved `parameterSteps` may be left out where every parameter that has tensors took part in all steps.
   * @throws Error If a name is unknown or a shape differs; then nothing is taken over.
   */
  loadStateDict(saved: {
    readonly step: number;
    readonly parameterSteps?: ReadonlyMap<string, number>;
    readonly tensors: ReadonlyMap<string, HostTensor | Tensor>;
  }): void {
    const targets = new Map<string, { slot: Slot; kind: string }>();
    for (const kind of this.kinds) {
      for (const slot of this.slots) targets.set(`${kind}.${slot.name}`, { slot, kind });
    }
    const { parameterSteps = new Map<string, number>() } = saved;
    const names = new Set(this.slots.map(({ name }) => name));
    const unknown = [
      ...[...saved.tensors.keys()].filter((name) => !targets.has(name)),
      ...[...parameterSteps.keys()].filter((name) => !names.has(name)),
    ];
    const misshaped = [...saved.tensors].flatMap(([name, given]) => {
      const expected = targets.get(name)?.slot.parameter.shape.join("×");
      const found = given.shape.join("×");
      return expected === undefined || expected === found
        ? []
        : [`${name} (given ${found}, expected ${expected})`];
    });
    if (unknown.length > 0 || misshaped.length > 0) {
      throw new Error(
        [
          `${this.constructor.name}.loadStateDict: the state is another model's or optimizer's.`,
          ...(unknown.length > 0
            ? [`Unknown: ${unknown.slice(0, 8).join(", ")} (${unknown.length} in all).`]
            : []),
          ...(misshaped.length > 0 ? [`Of another shape: ${misshaped.slice(0, 8).join(", ")}.`] : []),
          "Load the state that was saved together with these weights.",
        ].join("\n"),
      );
    }
    for (const slot of this.slots) {
      for (const tensor of slot.state.values()) tensor.dispose();
      slot.state.clear();
    }
    for (const [name, given] of saved.tensors) {
      const { slot, kind } = targets.get(name)!;
      const { device, shape, dtype } = slot.parameter;
      const own = keep(empty(device, shape, dtype));
      copyInto(own, given instanceof Tensor ? given : (given.data as Float32Array<ArrayBuffer>));
      slot.state.set(kind, own);
    }
    for (const slot of this.slots) {
      const took = this.kinds.length === 0 || slot.state.size > 0;
      slot.steps = parameterSteps.get(slot.name) ?? (took ? saved.step : 0);
    }
    this.#steps = saved.step;
  }
}
