import { type Initializer, truncatedNormalInitializer, xavierUniform, zerosInitializer } from "@splitmask/nn";

/** How the first weights of a `VisionTransformer` are drawn; biases but the patch embedding's begin at 0, norms at 1. */
export interface Initialization {
  /** The class token and learned positions. */
  readonly tokens: Initializer;
  /** The patch embedding's weight, as a D×(C·P²) matrix; null: as PyTorch begins convolutions. */
  readonly patches: Initializer | null;
  /** The patch embedding's bias; null: as PyTorch begins convolutions. */
  readonly patchesBias: Initializer | null;
  /** The linear layers of the blocks. */
  readonly linear: Initializer;
  /** `attn.proj` and `mlp.fc2` of a layer, counted from 1: what is added to the tokens. Null: as the others. */
  readonly outputs: ((layer: number) => Initializer) | null;
}

/** BEiT's distribution: cut at one deviation. */
const cutAtOneDeviation = (standardDeviation: number) =>
  truncatedNormalInitializer(standardDeviation, standardDeviation);

const normal = truncatedNormalInitializer();
const cut = cutAtOneDeviation(0.02);

/** How vision transformers begin, by name. */
export const initializations = {
  /** N(0, 0.02²), and PyTorch's for the patch embedding, as DeiT does with timm. */
  deit: { tokens: normal, patches: null, patchesBias: null, linear: normal, outputs: null },
  /** N(0, 0.02²) cut at ±0.02, what is added to the tokens divided by √(2·layer), no bias but 0, as BEiT's code. */
  beit: {
    ...{ tokens: cut, patches: cut, patchesBias: zerosInitializer, linear: cut },
    // What the layers add to the tokens would otherwise grow with the depth.
    outputs: (layer: number) => cutAtOneDeviation(0.02 / Math.sqrt(2 * layer)),
  },
  /** Xavier-uniform matrices, also of the patch embedding, and N(0, 0.02²) for tokens, as MAE's code. */
  mae: {
    ...{ tokens: normal, patches: xavierUniform, patchesBias: null, linear: xavierUniform },
    outputs: null,
  },
} as const satisfies Readonly<Record<string, Initialization>>;

/** The name of a way to begin. */
export type InitializationName = keyof typeof initializations;

/**
 * A way to begin, by name.
 *
 * @throws RangeError If there is none of that name.
 */
export function findInitialization(name: InitializationName): Initialization {
  if (Object.hasOwn(initializations, name)) return initializations[name];
  const names = Object.keys(initializations).map((known) => `"${known}"`);
  throw new RangeError(
    `VisionTransformer: initialization is "${name}"; expected ${names.slice(0, -1).join(", ")} or ${names.at(-1)}.`,
  );
}
