/** The element types of device buffers. */
export type DType = "float32" | "float64" | "int32" | "uint8";

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1 };
