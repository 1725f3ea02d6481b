/** What the page asks of the worker. */
export type Request =
  | { readonly kind: "train"; readonly pictures: readonly Blob[]; readonly steps: number }
  | { readonly kind: "neighbors"; readonly picture: number };

/** What the worker tells. */
export type Reply =
  | { readonly kind: "device"; readonly threads: number; readonly instructionSet: string }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly seconds: number }
  | { readonly kind: "trained" }
  | { readonly kind: "neighbors"; readonly picture: number; readonly similarities: Float32Array }
  | { readonly kind: "failed"; readonly message: string };
