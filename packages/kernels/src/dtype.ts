/** The element types of device buffers. A `"bfloat16"` is the upper 16 bits of a float32. */
export type DType = "float32" | "float64" | "bfloat16" | "int32" | "uint8";

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  bfloat16: 2,
  int32: 4,
  uint8: 1,
};
