import type { Device } from "@splitmask/kernels";
import { tensor } from "../creation.js";
import type { FloatingDType } from "../elements.js";
import { readSafetensors } from "../safetensors.js";
import type { HostTensor, Tensor } from "../tensor.js";

/** One case of a fixture file: what went into a reference implementation and what came out. */
export interface FixtureCase {
  /** Its name in the file, e.g. `linear/gelu`. */
  readonly name: string;
  /** The inputs by name. */
  readonly inputs: ReadonlyMap<string, HostTensor>;
  /** What the reference computed. */
  readonly output: HostTensor;
  /** The gradient with respect to the output from which the reference went back. */
  readonly outputGradient: HostTensor;
  /** The gradient of each input that has one. */
  readonly gradients: ReadonlyMap<string, HostTensor>;
}

interface Draft {
  readonly inputs: Map<string, HostTensor>;
  readonly gradients: Map<string, HostTensor>;
  output?: HostTensor;
  outputGradient?: HostTensor;
}

/**
 * The cases of a fixture file, with keys `<case>/inputs/<name>`, `<case>/output`, `<case>/outputGradient`,
 * `<case>/gradients/<name>`.
 */
export class Fixture {
  readonly #cases: ReadonlyMap<string, FixtureCase>;
  readonly #path: string;

  private constructor(path: string, cases: ReadonlyMap<string, FixtureCase>) {
    this.#path = path;
    this.#cases = cases;
  }

  /** Reads a file. @throws (rejects) Error If a key does not follow the pattern. */
  static async read(path: string): Promise<Fixture> {
    const { tensors } = await readSafetensors(path);
    const drafts = new Map<string, Draft>();
    for (const [key, value] of tensors) {
      const match = /^(.+)\/(?:(inputs|gradients)\/([^/]+)|(output|outputGradient))$/.exec(key);
      if (match === null) throw new Error(`${path}: the key ${key} is not part of a case.`);
      const name = match[1]!;
      const draft: Draft = drafts.get(name) ?? { inputs: new Map(), gradients: new Map() };
      drafts.set(name, draft);
      if (match[2] === undefined) draft[match[4] as "output" | "outputGradient"] = value;
      else draft[match[2] as "inputs" | "gradients"].set(match[3]!, value);
    }
    const cases = new Map<string, FixtureCase>();
    for (const [name, { inputs, gradients, output, outputGradient }] of drafts) {
      if (output === undefined || outputGradient === undefined) {
        throw new Error(`${path}: the case ${name} has no output or no outputGradient.`);
      }
      cases.set(name, { name, inputs, gradients, output, outputGradient });
    }
    return new Fixture(path, cases);
  }

  /** The names of all cases. */
  get names(): string[] {
    return [...this.#cases.keys()];
  }

  /** One case. @throws Error If the file has none of that name. */
  case(name: string): FixtureCase {
    const found = this.#cases.get(name);
    if (found === undefined)
      throw new Error(`${this.#path} has no case ${name}; it has ${this.names.join(", ")}.`);
    return found;
  }
}

/**
 * The inputs of a case on a device: numbers in the given precision, requiring a gradient where the reference gave one;
 * integers as they are.
 */
export function caseInputs(device: Device, given: FixtureCase, dtype: FloatingDType): Record<string, Tensor> {
  return Object.fromEntries(
    [...given.inputs].map(([name, host]) => {
      const floating = host.dtype === "float32" || host.dtype === "float64";
      const options = floating ? { dtype, requiresGrad: given.gradients.has(name) } : {};
      return [name, tensor(device, host, host.shape, options)];
    }),
  );
}
