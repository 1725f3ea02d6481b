import { productPrecisions } from "./kernels/codes.js";
import type { KernelName } from "./kernelTable.js";
import type { ProfiledCall } from "./profile.js";

/**
 * What limits the speed of a call: the operations of a product (by the format of its factors) or of attention, or the
 * bytes that it moves.
 */
export type WorkKind = "products" | "bfloat16Products" | "attention" | "bytes";

const operationBound: Partial<Record<KernelName, "products" | "attention">> = {
  gemm: "products",
  gemmBfloat16: "products",
  gemmArgmax: "products",
  attention: "attention",
  attentionBackward: "attention",
  attentionProbabilities: "attention",
  multiplyAdds: "products",
  bfloat16Dots: "products",
};

/** What bounds a call. */
export function workKind(call: ProfiledCall): WorkKind {
  const kind = call.kind === "kernel" ? (operationBound[call.kernel] ?? "bytes") : "bytes";
  return kind === "products" && isBfloat16(call) ? "bfloat16Products" : kind;
}

const alwaysBfloat16: ReadonlySet<KernelName> = new Set(["gemmBfloat16", "bfloat16Dots"]);

/** Whether the factors of a call's products are rounded to bfloat16. */
export function isBfloat16(call: ProfiledCall): boolean {
  return (
    call.kind === "kernel" &&
    (alwaysBfloat16.has(call.kernel) || call.numbers.precision === productPrecisions.bfloat16)
  );
}
