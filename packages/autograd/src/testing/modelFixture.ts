import { fileURLToPath } from "node:url";
import type { Device } from "@splitmask/kernels";
import { tensor } from "../creation.js";
import { readSafetensors } from "../safetensors.js";
import type { HostTensor, Tensor } from "../tensor.js";
import { largestError } from "./largestError.js";

/**
 * Tensors by free names that a reference implementation wrote: weights, inputs, outputs and gradients of a whole model.
 */
export class ModelFixture {
  /** All tensors by name. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly #source: string;

  private constructor(source: string, tensors: ReadonlyMap<string, HostTensor>) {
    this.#source = source;
    this.tensors = tensors;
  }

  /**
   * Reads a file.
   *
   * @param url Usually `new URL("fixtures/name.safetensors", import.meta.url)`.
   */
  static async read(url: URL): Promise<ModelFixture> {
    const path = fileURLToPath(url);
    return new ModelFixture(path, (await readSafetensors(path)).tensors);
  }

  /**
   * One tensor on the host.
   *
   * @throws Error If there is none of this name.
   */
  get(name: string): HostTensor {
    const host = this.tensors.get(name);
    if (host === undefined) {
      throw new Error(`${this.#source} holds no ${name}, only ${[...this.tensors.keys()].join(", ")}.`);
    }
    return host;
  }

  /** The tensors whose names begin with `prefix`, without it: `fixture.under("parameter.")` is a state dict. */
  under(prefix: string): Map<string, HostTensor> {
    const entries = [...this.tensors].filter(([name]) => name.startsWith(prefix));
    return new Map(entries.map(([name, host]) => [name.slice(prefix.length), host]));
  }

  /** One tensor on the device. */
  upload(device: Device, name: string, requiresGrad = false): Tensor {
    return tensor(device, this.get(name), undefined, { requiresGrad });
  }

  /**
   * `largestError` of a tensor against the fixture's.
   *
   * @param actual Null (a gradient that is missing) counts as infinitely wrong.
   */
  async error(actual: Tensor | null, name: string): Promise<number> {
    if (actual === null) return Number.POSITIVE_INFINITY;
    return largestError(await actual.data(), this.get(name).data as Float32Array);
  }
}
