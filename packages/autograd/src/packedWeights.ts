import { type Device, type DeviceBuffer, kernelTable, weightFormats } from "@splitmask/kernels";
import { formatShape } from "./shape.js";
import { describe, empty, keep, type Tensor } from "./tensor.js";

/**
 * How the elements of a packed weight are stored: `"float32"` unchanged, `"bfloat16"` in half the memory, or `"int8"`
 * in a quarter. With int8, elements are integers with one scale per output, and the layer's input is quantized, too:
 * each row to 256 levels between its smallest and its largest element.
 */
export type WeightFormat = keyof typeof weightFormats;

/** Options of `packWeights`. */
export interface PackWeightsOptions {
  /** How elements are stored and multiplied. Default `"float32"`. */
  readonly format?: WeightFormat;
}

interface Storage {
  readonly packed: Tensor;
  readonly scales: Tensor | null;
  readonly sums: Tensor | null;
}

/**
 * The weight of a linear layer in the order in which matrix products read it: made once by `packWeights`, used by
 * `linear` in place of the weight where no gradient is recorded. It holds the values that the weight had when it was
 * packed; `linear` throws if the weight was written to since.
 */
export class PackedWeights {
  /** The device whose memory it is in. */
  readonly device: Device;
  /** How elements are stored. */
  readonly format: WeightFormat;
  /** out×in; further axes of the weight (out×C×P×P) are part of `inner`. */
  readonly shape: readonly [out: number, inner: number];
  readonly #source: WeakRef<DeviceBuffer>;
  readonly #writes: number;
  #storage: Storage | null;

  /** @internal Use `packWeights`. */
  constructor(weight: Tensor, format: WeightFormat) {
    const { device, buffer, shape } = weight;
    const [n, k] = [shape[0]!, weight.size / shape[0]!];
    this.device = device;
    this.format = format;
    this.shape = [n, k];
    this.#source = new WeakRef(buffer);
    this.#writes = buffer.writes;
    const space = (size: number, dtype: "uint8" | "int32" | "float32") => keep(empty(device, [size], dtype));
    const numbers = { n, k, format: weightFormats[format] };
    const isBytes = format === "int8";
    this.#storage = {
      packed: space(kernelTable.packWeights.buffers.packed.extent(numbers, 0), "uint8"),
      scales: isBytes ? space(n, "float32") : null,
      sums: isBytes ? space(n, "int32") : null,
    };
    device.run("packWeights", "float32", { ...this.#storage, weight, ...numbers });
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    const { packed, scales, sums } = this.storage;
    return packed.bytes + (scales?.bytes ?? 0) + (sums?.bytes ?? 0);
  }

  /**
   * @internal What the kernel reads.
   * @throws Error If it was disposed, or the weight was written to since.
   */
  get storage(): Storage {
    if (this.#storage === null) {
      throw new Error(
        `the packed weight ${formatShape(this.shape)} was disposed; pack the weight again with packWeights.`,
      );
    }
    if ((this.#source.deref()?.writes ?? this.#writes) !== this.#writes) {
      throw new Error(
        `the weight ${formatShape(this.shape)} was written to after it was packed, e.g. by a step of an optimizer ` +
          "or by loadStateDict. Pack it again with packWeights; of a whole model, make its packed weights anew.",
      );
    }
    return this.#storage;
  }

  /** Frees its memory. Calling it again does nothing. */
  dispose(): void {
    if (this.#storage === null) return;
    for (const tensor of Object.values(this.#storage)) tensor?.dispose();
    this.#storage = null;
  }
}

/** Largest number of elements of a row whose sum of products (at most 255·127 each) stays within 32 bits. */
const mostOfRow = 65_536;

/**
 * Packs the weight of a linear layer for inference: products with it are faster, above all for few rows of input,
 * because calls need not reorder the weight. `"bfloat16"` and `"int8"` also take less memory and, on CPUs that multiply
 * them, less time.
 *
 * @param weight float32, out×in; of a convolution out×C×P×P, multiplied with flattened patches.
 * @returns It belongs to the caller, even if it is made inside a scope: `dispose` frees its memory.
 * @throws TypeError If the weight is not float32. RangeError If it has fewer than two axes, no elements, or for int8
 *   more than 65,536 elements per output, or if there is no such format.
 */
export function packWeights(weight: Tensor, { format = "float32" }: PackWeightsOptions = {}): PackedWeights {
  if (weight.dtype !== "float32") {
    throw new TypeError(`packWeights: weight is ${describe(weight)}; expected float32.`);
  }
  if (weight.rank < 2 || weight.size === 0) {
    throw new RangeError(
      `packWeights: weight is ${formatShape(weight.shape)}; expected out×in (or out×C×P×P) with elements.`,
    );
  }
  if (!Object.hasOwn(weightFormats, format)) {
    const names = Object.keys(weightFormats).map((name) => JSON.stringify(name));
    throw new RangeError(`packWeights: format is ${JSON.stringify(format)}; expected ${names.join(", ")}.`);
  }
  if (format === "int8" && weight.size / weight.shape[0]! > mostOfRow) {
    throw new RangeError(
      `packWeights: weight is ${formatShape(weight.shape)}; int8 takes at most ${mostOfRow} numbers a row, whose ` +
        'products 32 bits hold. Choose "bfloat16".',
    );
  }
  return new PackedWeights(weight, format);
}
