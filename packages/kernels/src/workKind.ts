import { productPrecisions, weightFormats } from "./kernels/codes.js";
import type { KernelName } from "./kernelTable.js";
import type { ProfiledCall } from "./profile.js";

/**
 * What limits the speed of a call: the operations of a product or of attention, by the format of the factors, or the
 * bytes that it moves. Products in int8 count as float32 ones: no training step has them, and their own limit, which is
 * several times higher, is not measured.
 */
export type WorkKind = "products" | "bfloat16Products" | "attention" | "bfloat16Attention" | "bytes";

const operationBound: Partial<Record<KernelName, "products" | "attention">> = {
  gemm: "products",
  gemmBfloat16: "products",
  gemmArgmax: "products",
  linearCrossEntropy: "products",
  gemmPacked: "products",
  convolution: "products",
  convolutionBackwardInput: "products",
  convolutionBackwardWeight: "products",
  attention: "attention",
  attentionBackward: "attention",
  attentionProbabilities: "attention",
  multiplyAdds: "products",
  bfloat16Dots: "products",
};

/** What bounds a call. */
export function workKind(call: ProfiledCall): WorkKind {
  const kind = call.kind === "kernel" ? (operationBound[call.kernel] ?? "bytes") : "bytes";
  if (kind === "bytes" || !isBfloat16(call)) return kind;
  return kind === "products" ? "bfloat16Products" : "bfloat16Attention";
}

const alwaysBfloat16: ReadonlySet<KernelName> = new Set(["gemmBfloat16", "bfloat16Dots"]);

/** Whether the factors of a call's products are rounded to bfloat16. */
export function isBfloat16(call: ProfiledCall): boolean {
  if (call.kind !== "kernel") return false;
  if (call.kernel === "gemmPacked") return call.numbers.format === weightFormats.bfloat16;
  return alwaysBfloat16.has(call.kernel) || call.numbers.precision === productPrecisions.bfloat16;
}
