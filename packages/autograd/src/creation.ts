import { anyElementTypes, type Device, type DType, distributions } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import { permuteNumbers } from "./calls/strided.js";
import {
  bytesPerElement,
  dtypeOf,
  type ElementArray,
  type FloatingDType,
  isFloating,
  toElements,
} from "./elements.js";
import { kernelRandomKey, type RandomKey } from "./random.js";
import { checkShape, equalShapes, formatShape, type Shape, sizeOf, stridesOf } from "./shape.js";
import { describe, empty, floatingOf, type HostTensor, Tensor } from "./tensor.js";

/** Numbers nested as deep as the tensor has axes. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** What `tensor` accepts: a number, (nested) numbers, a typed array, an `ndarray` or a host tensor. */
export type TensorSource =
  | NestedNumbers
  | ElementArray
  | Uint8ClampedArray
  | NdArray<ElementArray>
  | HostTensor;

/** Options of the functions that make tensors. */
export interface CreationOptions {
  /** The element type; default: that of the source, float32 for plain numbers. */
  readonly dtype?: DType;
  /** Whether `backward()` computes a gradient for it. Default false. */
  readonly requiresGrad?: boolean;
}

/**
 * Copies host data to the device.
 *
 * @param source Plain numbers (if nested, they give the shape), a typed array, an `ndarray` (with any strides) or a
 * `HostTensor`.
 * @param shape Needed for flat arrays only if they are not 1-D.
 * @throws RangeError If the number of elements does not fit the shape, or nested rows differ in length.
 */
export function tensor(
  device: Device,
  source: TensorSource,
  shape?: Shape,
  options: CreationOptions = {},
): Tensor {
  const given = readSource(source);
  const target = shape ?? given.shape;
  checkShape("tensor", target);
  if (sizeOf(target) !== sizeOf(given.shape)) {
    throw new RangeError(
      `tensor: ${sizeOf(given.shape)} elements (${formatShape(given.shape)}) were given for the shape ` +
        `${formatShape(target)}, which has ${sizeOf(target)}.`,
    );
  }
  const dtype = options.dtype ?? given.dtype;
  const elements = toElements(dtype, given.elements);
  let made: Tensor;
  if (given.strides === null) {
    made = empty(device, target, dtype);
    uploadElements(made, elements);
  } else {
    made = packStrided(device, elements, given.shape, given.strides, given.offset, dtype, target);
  }
  made.requiresGrad = options.requiresGrad ?? false;
  return made;
}

/** Copies elements to the device; for a bfloat16 tensor they are rounded there. */
function uploadElements(target: Tensor, elements: ElementArray): void {
  const { device, size } = target;
  if (target.dtype !== "bfloat16") {
    device.upload(target, elements);
    return;
  }
  const exact = { buffer: device.allocate(elements.byteLength), byteOffset: 0 };
  device.upload(exact, elements);
  device.run("cast", "float32", {
    output: target,
    input: exact,
    size,
    inputType: anyElementTypes.float32,
    outputType: anyElementTypes.bfloat16,
  });
  exact.buffer.dispose();
}

interface Source {
  elements: ArrayLike<number>;
  dtype: DType;
  shape: Shape;
  strides: readonly number[] | null;
  offset: number;
}

function readSource(source: TensorSource): Source {
  if (typeof source === "number") return dense([source], "float32", []);
  if (ArrayBuffer.isView(source)) return dense(source as ElementArray, dtypeOf(source), [source.length]);
  if (Array.isArray(source)) return readNested(source as readonly NestedNumbers[]);
  if ("stride" in source) return readNdarray(source as NdArray<ElementArray>);
  const host = source as HostTensor;
  if (host.dtype === "int64") {
    return dense(Int32Array.from(host.data as BigInt64Array, Number), "int32", host.shape);
  }
  return dense(host.data as ElementArray, host.dtype, host.shape);
}

function dense(elements: ArrayLike<number>, dtype: DType, shape: Shape): Source {
  if (elements.length !== sizeOf(shape)) {
    throw new RangeError(
      `tensor: the host tensor holds ${elements.length} elements, ` +
        `but its shape ${formatShape(shape)} has ${sizeOf(shape)}.`,
    );
  }
  return { elements, dtype, shape, strides: null, offset: 0 };
}

function readNested(rows: readonly NestedNumbers[]): Source {
  const shape: number[] = [];
  let level: NestedNumbers = rows;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = (level as readonly NestedNumbers[])[0] ?? 0;
  }
  const flat = (rows as unknown[]).flat(shape.length - 1) as number[];
  if (flat.length !== sizeOf(shape) || flat.some((value) => typeof value !== "number")) {
    throw new RangeError(
      `tensor: the nested rows are not all alike: the first ones say ${formatShape(shape)} ` +
        `(${sizeOf(shape)} numbers), but there are ${flat.length} entries. Give every row the same length.`,
    );
  }
  return dense(flat, "float32", shape);
}

function readNdarray(array: NdArray<ElementArray>): Source {
  const { data, shape, stride, offset } = array;
  const dtype = dtypeOf(data);
  if (equalShapes(stride, stridesOf(shape))) {
    return dense(data.subarray(offset, offset + sizeOf(shape)) as ElementArray, dtype, [...shape]);
  }
  return { elements: data, dtype, shape: [...shape], strides: stride, offset };
}

function packStrided(
  device: Device,
  elements: ElementArray,
  shape: Shape,
  strides: readonly number[],
  offset: number,
  dtype: DType,
  target: Shape,
): Tensor {
  if (bytesPerElement(dtype) < 4 || strides.some((stride) => stride < 0)) {
    throw new TypeError(
      `tensor: a ${dtype} ndarray of shape ${formatShape(shape)} with strides [${strides.join(", ")}] ` +
        "cannot be packed on the device: that takes elements of 4 or 8 bytes and no negative stride. " +
        "Copy it to a contiguous ndarray first, e.g. with ndarray-ops' assign.",
    );
  }
  checkShape("tensor", shape);
  const loose = empty(device, [elements.length], dtype);
  device.upload(loose, elements);
  const packed = empty(device, target, dtype);
  device.run("permute", bytesPerElement(dtype) === 8 ? "float64" : "float32", {
    output: packed,
    input: { buffer: loose.buffer, byteOffset: offset * bytesPerElement(dtype) },
    ...permuteNumbers(shape, strides),
  });
  loose.dispose();
  return packed;
}

/** A tensor of zeros. */
export function zeros(device: Device, shape: Shape, options: CreationOptions = {}): Tensor {
  return full(device, shape, 0, options);
}

/** A tensor of ones. */
export function ones(device: Device, shape: Shape, options: CreationOptions = {}): Tensor {
  return full(device, shape, 1, options);
}

/** A tensor whose elements all have one value. */
export function full(device: Device, shape: Shape, value: number, options: CreationOptions = {}): Tensor {
  const { dtype = "float32", requiresGrad = false } = options;
  checkShape("full", shape);
  if (!isFloating(dtype)) {
    return tensor(device, toElements(dtype, new Float64Array(sizeOf(shape)).fill(value)), shape, options);
  }
  const made = empty(device, shape, dtype);
  device.run("fill", dtype, { output: made, size: made.size, value });
  made.requiresGrad = requiresGrad;
  return made;
}

/** Options of the functions that fill tensors with random numbers. */
export interface RandomOptions {
  /** What the numbers depend on. */
  readonly key: RandomKey;
  /** Default float32. */
  readonly dtype?: FloatingDType;
  /** Whether `backward()` computes a gradient for it. Default false. */
  readonly requiresGrad?: boolean;
}

function draw(
  device: Device,
  shape: Shape,
  distribution: keyof typeof distributions,
  a: number,
  b: number,
  options: RandomOptions,
  [low, high]: readonly [low: number, high: number] = [a, b],
): Tensor {
  checkShape(distribution, shape);
  const made = empty(device, shape, options.dtype ?? "float32");
  device.run("random", floatingOf(made), {
    output: made,
    size: made.size,
    distribution: distributions[distribution],
    a,
    b,
    low,
    high,
    ...kernelRandomKey(options.key),
  });
  made.requiresGrad = options.requiresGrad ?? false;
  return made;
}

/** Uniform numbers in [low, high), by default [0, 1). */
export function uniform(
  device: Device,
  shape: Shape,
  options: RandomOptions & { readonly low?: number; readonly high?: number },
): Tensor {
  return draw(device, shape, "uniform", options.low ?? 0, options.high ?? 1, options);
}

/** Normally distributed numbers, by default with mean 0 and standard deviation 1. */
export function normal(
  device: Device,
  shape: Shape,
  options: RandomOptions & { readonly mean?: number; readonly standardDeviation?: number },
): Tensor {
  return draw(device, shape, "normal", options.mean ?? 0, options.standardDeviation ?? 1, options);
}

/** Options of `truncatedNormal`. */
export interface TruncatedNormalOptions extends RandomOptions {
  /** The mean of the normal distribution before it is cut. Default 0. */
  readonly mean?: number;
  /** The standard deviation of the normal distribution before it is cut. Default 1. */
  readonly standardDeviation?: number;
  /** The lower bound, an absolute value and not a number of standard deviations. Default −2. */
  readonly low?: number;
  /** The upper bound. Default 2. */
  readonly high?: number;
}

/**
 * Normally distributed numbers cut to [low, high], as PyTorch's and timm's `trunc_normal_` with the same defaults: the
 * bounds are absolute, so with a standard deviation of 0.02 nothing is cut. The inverse distribution function gives
 * each number in one draw, without rejecting any.
 *
 * @throws RangeError If the standard deviation is negative, or low is not below high.
 */
export function truncatedNormal(device: Device, shape: Shape, options: TruncatedNormalOptions): Tensor {
  const { mean = 0, standardDeviation = 1, low = -2, high = 2 } = options;
  if (!(standardDeviation >= 0) || !(low < high)) {
    throw new RangeError(
      `truncatedNormal: standardDeviation is ${standardDeviation}, low ${low} and high ${high}; expected a ` +
        "standard deviation from 0 on, and low below high.",
    );
  }
  return draw(device, shape, "truncatedNormal", mean, standardDeviation, options, [low, high]);
}

/**
 * `value` (default 1) with the given probability, else 0.
 *
 * @throws RangeError If the probability is not in [0, 1].
 */
export function bernoulli(
  device: Device,
  shape: Shape,
  options: RandomOptions & { readonly probability: number; readonly value?: number },
): Tensor {
  if (!(options.probability >= 0 && options.probability <= 1)) {
    throw new RangeError(`bernoulli: probability is ${options.probability}; expected a number from 0 to 1.`);
  }
  return draw(device, shape, "bernoulli", options.probability, options.value ?? 1, options);
}

/**
 * Overwrites the elements of a tensor in place with those of another tensor or of a host array, in queue order. For
 * loading weights and for moving averages.
 *
 * @throws TypeError If shape or dtype differ.
 */
export function copyInto(target: Tensor, source: Tensor | ElementArray): void {
  if (source instanceof Tensor) {
    if (!equalShapes(target.shape, source.shape) || target.dtype !== source.dtype) {
      throw new TypeError(
        `copyInto: the target is ${describe(target)} and the source is ${describe(source)}; both have to be alike.`,
      );
    }
    target.device.run("copyBytes", "float32", { output: target, input: source, bytes: target.bytes });
    return;
  }
  const elements = toElements(target.dtype, source);
  if (elements.length !== target.size) {
    throw new TypeError(
      `copyInto: the target is ${describe(target)} with ${target.size} elements and the source has ${elements.length}.`,
    );
  }
  uploadElements(target, elements);
}
