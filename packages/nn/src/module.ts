import { copyInto, type HostTensor, Tensor } from "@splitmask/autograd";
import { checkNoneHidden } from "./hiddenParts.js";
import { isParameter, type Parameter } from "./parameter.js";
import { compareStates, describeDifferences, type StateDifferences } from "./stateDifferences.js";

/** Marks the modules of every copy of this package, so that a model may have parts from several. */
const brand = Symbol.for("@splitmask/nn.Module");

/** Tensors by name, on the host (as read from a file) or on a device. */
export type StateDict = ReadonlyMap<string, HostTensor | Tensor>;

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Whether every parameter has to be given and nothing else. Default true. */
  readonly strict?: boolean;
}

/**
 * A part of a model: properties that are parameters, modules, or arrays of them, found by themselves and named as in
 * PyTorch after the properties: `blocks.0.attn.qkv.weight`. Properties that are null are left out. In a map, a set, an
 * object or an array of arrays they would not be found: that is an error. `#private` fields cannot be seen at all; the
 * trainer says so when the loss depends on a parameter that its model does not have.
 */
export abstract class Module {
  /** The modules one level below, by name; those in arrays are called `blocks.0`, `blocks.1` …. */
  get children(): ReadonlyMap<string, Module> {
    const children = new Map<string, Module>();
    for (const [name, member] of this.#members()) {
      if (isModule(member)) children.set(name, member);
    }
    return children;
  }

  /**
   * Every parameter of this module and those below with its dotted name, in the order of the properties. One that is
   * shared stands under its first name.
   *
   * @throws TypeError If a property holds parameters or modules where they are not found, such as a map, or a tensor
   * that requires a gradient and is no `Parameter`.
   */
  namedParameters(): Map<string, Parameter> {
    const named = new Map<string, Parameter>();
    const seen = new Set<Parameter>();
    for (const [name, member] of this.#members()) {
      const inside = isModule(member) ? member.namedParameters() : new Map([["", member]]);
      for (const [below, parameter] of inside) {
        if (seen.has(parameter)) continue;
        named.set(below === "" ? name : `${name}.${below}`, parameter);
        seen.add(parameter);
      }
    }
    return named;
  }

  /** The properties that are parameters or modules, arrays item by item. */
  *#members(): Generator<readonly [string, Parameter | Module]> {
    for (const [name, value] of Object.entries(this)) {
      const items = Array.isArray(value)
        ? value.map((item, index) => [`${name}.${index}`, item] as const)
        : [[name, value] as const];
      for (const [key, item] of items) {
        if (isModule(item) || isParameter(item)) yield [key, item];
        else checkNoneHidden(this.constructor.name, key, item, isModule);
      }
    }
  }

  /**
   * Those of this module's own parameters that its `forward` gives to `linear` as weight (out×in, or out×C×P×P): what
   * `PackedParameters` packs for inference. Default: none.
   */
  get linearWeights(): readonly Parameter[] {
    return [];
  }

  /** Every parameter of this module and those below. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** How many numbers are trained. */
  get parameterCount(): number {
    return this.parameters().reduce((count, parameter) => count + parameter.size, 0);
  }

  /** The parameters by name, as `loadStateDict` takes them. They are the parameters themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.namedParameters());
  }

  /** The parameters' values on the host, when the device has come that far: what `writeSafetensors` takes. */
  async hostStateDict(): Promise<Map<string, HostTensor>> {
    const entries = [...this.namedParameters()].map(
      async ([name, parameter]) => [name, await parameter.toHost()] as const,
    );
    return new Map(await Promise.all(entries));
  }

  /**
   * Overwrites the parameters with the given values. Nothing is overwritten if anything does not fit.
   *
   * @param state E.g. `(await readSafetensors(path)).tensors`.
   * @returns Which names were missing or unexpected; both empty with `strict`.
   * @throws Error That lists every missing, unexpected and mis-shaped name. Without `strict` only mis-shaped ones are
   * errors.
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): StateDifferences {
    const { strict = true } = options;
    const parameters = this.namedParameters();
    const differences = compareStates(parameters, state);
    const { missing, unexpected, misshaped } = differences;
    if (misshaped.length > 0 || (strict && missing.length + unexpected.length > 0)) {
      throw new Error(describeDifferences(this.constructor.name, differences, strict));
    }
    for (const [name, parameter] of parameters) {
      const given = state.get(name);
      if (given === undefined) continue;
      copyInto(parameter, given instanceof Tensor ? given : toNumbers(given));
    }
    return differences;
  }

  /** Lets go of every parameter's gradient, so that the next `backward()` starts anew. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }
}

Object.defineProperty(Module.prototype, brand, { value: true });

/** Whether something is a module, of this copy of the package or another. */
function isModule(value: unknown): value is Module {
  return typeof value === "object" && value !== null && brand in value;
}

function toNumbers(host: HostTensor): Exclude<HostTensor["data"], BigInt64Array> {
  return host.data instanceof BigInt64Array ? Float64Array.from(host.data, Number) : host.data;
}
