import {
  type Initializer,
  type transformerBlocks,
  truncatedNormalInitializer,
  xavierUniform,
  zerosInitializer,
} from "@splitmask/nn";
import type { PatchEmbeddingOptions } from "./patchEmbedding.js";

/** How the first weights of a `VisionTransformer` are drawn; what is left out begins as its layer does by itself. */
interface Initialization {
  /** The class token and learned positions. */
  readonly tokens: Initializer;
  /** The patch embedding. */
  readonly patches: Pick<PatchEmbeddingOptions, "initializer" | "biasInitializer">;
  /** The blocks. */
  readonly blocks: Pick<Parameters<typeof transformerBlocks>[1], "initializer" | "outputInitializer">;
}

const normal = truncatedNormalInitializer();

/** BEiT's distribution: cut at one deviation. */
function cutNormal(standardDeviation = 0.02): Initializer {
  return truncatedNormalInitializer(standardDeviation, standardDeviation);
}

/** The name of a way to begin. */
export type InitializationName = "deit" | "beit" | "mae";

/** The ways to begin, by name. */
const initializations: Readonly<Record<InitializationName, Initialization>> = {
  /** As DeiT does with timm. */
  deit: { tokens: normal, patches: {}, blocks: {} },
  /** As BEiT's code. */
  beit: {
    tokens: cutNormal(),
    patches: { initializer: cutNormal(), biasInitializer: zerosInitializer },
    blocks: {
      initializer: cutNormal(),
      // What the layers add to the tokens would otherwise grow with the depth.
      outputInitializer: (layer) => cutNormal(0.02 / Math.sqrt(2 * layer)),
    },
  },
  /** As MAE's code. */
  mae: { tokens: normal, patches: { initializer: xavierUniform }, blocks: { initializer: xavierUniform } },
};

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
