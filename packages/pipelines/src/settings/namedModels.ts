/** Encoder sizes by name. */
export const namedModels = {
  tiny: { width: 192, depth: 12, heads: 3 },
  small: { width: 384, depth: 12, heads: 6 },
  base: { width: 768, depth: 12, heads: 12 },
} as const;

/** The name of an encoder's size. */
export type ModelName = keyof typeof namedModels;

/** Width, depth and heads of an encoder. */
export interface ModelSize {
  /** Width of the tokens. */
  readonly width: number;
  /** Blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
}
