import type { DType } from "@splitmask/kernels";

/** The typed array that holds elements of a dtype on the host. */
export interface ElementArrays {
  /** IEEE single precision. */
  readonly float32: Float32Array<ArrayBuffer>;
  /** IEEE double precision; runs the naive kernels. */
  readonly float64: Float64Array<ArrayBuffer>;
  /** Indices, labels, token ids. */
  readonly int32: Int32Array<ArrayBuffer>;
  /** As float32, which represents every bfloat16 exactly; on the device an element takes 2 bytes. */
  readonly bfloat16: Float32Array<ArrayBuffer>;
  /** Picture bytes. */
  readonly uint8: Uint8Array<ArrayBuffer>;
}

/** Any host array that a tensor can be made from or read into. */
export type ElementArray = ElementArrays[DType];

/** The dtypes in which gradients are computed. */
export type FloatingDType = "float32" | "float64";

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  bfloat16: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

/** Bytes of one element on the device. */
export function bytesPerElement(dtype: DType): number {
  return dtype === "bfloat16" ? 2 : constructors[dtype].BYTES_PER_ELEMENT;
}

/** The dtype of a tensor's gradient: the tensor's own, but float32 for bfloat16. */
export function gradientDtype(dtype: DType): DType {
  return dtype === "bfloat16" ? "float32" : dtype;
}

/** Views raw bytes as elements; for bfloat16 they are bytes of float32, since JavaScript has no bfloat16 array. */
export function viewElements(dtype: DType, bytes: ArrayBuffer): ElementArray {
  return new constructors[dtype](bytes);
}

/** Converts numbers or another typed array to elements of a dtype; the same array comes back where it already fits. */
export function toElements(dtype: DType, values: ArrayLike<number>): ElementArray {
  const ElementType = constructors[dtype];
  if (values instanceof ElementType) return values as ElementArray;
  return ElementType.from(values) as ElementArray;
}

/** The dtype of a typed array; plain numbers and other arrays become float32. */
export function dtypeOf(values: unknown): DType {
  if (values instanceof Float64Array) return "float64";
  if (values instanceof Int32Array) return "int32";
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) return "uint8";
  return "float32";
}

/** Whether gradients can be computed in this dtype; see `gradientDtype` for bfloat16. */
export function isFloating(dtype: DType): dtype is FloatingDType {
  return dtype === "float32" || dtype === "float64";
}
