import type { Tensor } from "@splitmask/autograd";
import { transformerLayers } from "./layerDecay.js";

/** Parameters that are treated alike. */
export interface ParameterGroup {
  /** The parameters by their names in the model: what an optimizer's state is saved under. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Weight decay; default: the optimizer's. */
  readonly weightDecay?: number;
  /** A factor of the learning rate, e.g. of layer-wise decay. Default 1. */
  readonly learningRateScale?: number;
}

/** Anything with named parameters: every `Module` of `@splitmask/nn`. */
export interface NamedParameters {
  /** Parameters by dotted name. */
  namedParameters(): ReadonlyMap<string, Tensor>;
}

/** Options of `parameterGroups`. */
export interface ParameterGroupOptions {
  /** The decay of those that are decayed. Default 0.05 (BEiT). */
  readonly weightDecay?: number;
  /** Which ones are not decayed besides biases, other 1-D parameters, positions and tokens. Default none. */
  readonly noDecay?: (name: string, parameter: Tensor) => boolean;
  /**
   * Layer-wise decay of the learning rate: layer i of L has the scale layerDecay^(L − i), in (0, 1]. BEiT fine-tunes
   * with 0.65. Default 1: none.
   */
  readonly layerDecay?: number;
  /** The layer of each parameter, from 0 to L, for `layerDecay`. Default `transformerLayers`. */
  readonly layers?: (names: Iterable<string>) => ReadonlyMap<string, number>;
}

/** Last parts of names of positions and tokens, as timm's, BEiT's and MAE's models call them. */
const undecayed = new Set([
  "bias",
  "pos_embed",
  "decoder_pos_embed",
  "cls_token",
  "mask_token",
  "dist_token",
  "reg_token",
  "relative_position_bias_table",
]);

/**
 * Groups as BEiT trains: matrices are decayed; 1-D parameters (biases, norms, layer scales), positions and tokens are
 * not. Parameters that require no gradient are left out. With `layerDecay` each layer has its own two groups, from the
 * first layer to the last.
 *
 * @throws RangeError If `layerDecay` is not in (0, 1].
 */
export function parameterGroups(
  model: NamedParameters,
  options: ParameterGroupOptions = {},
): ParameterGroup[] {
  const { weightDecay = 0.05, noDecay = () => false, layerDecay = 1, layers = transformerLayers } = options;
  if (!(layerDecay > 0 && layerDecay <= 1)) {
    throw new RangeError(
      `parameterGroups: layerDecay is ${layerDecay}; ` +
        "expected a number in (0, 1], 1 for the same learning rate everywhere.",
    );
  }
  const named = model.namedParameters();
  const layerOf: ReadonlyMap<string, number> = layerDecay === 1 ? new Map() : layers(named.keys());
  const last = Math.max(0, ...layerOf.values());
  const groups = Array.from({ length: last + 1 }, (_, layer) => {
    const scale = layerDecay === 1 ? {} : { learningRateScale: layerDecay ** (last - layer) };
    return {
      decayed: { parameters: new Map<string, Tensor>(), weightDecay, ...scale },
      plain: { parameters: new Map<string, Tensor>(), weightDecay: 0, ...scale },
    };
  });
  for (const [name, parameter] of named) {
    if (!parameter.requiresGrad) continue;
    const final = name.slice(name.lastIndexOf(".") + 1);
    const excluded = parameter.rank <= 1 || undecayed.has(final) || noDecay(name, parameter);
    const { decayed, plain } = groups[layerOf.get(name) ?? last]!;
    (excluded ? plain : decayed).parameters.set(name, parameter);
  }
  return groups
    .flatMap(({ decayed, plain }) => [decayed, plain])
    .filter((group) => group.parameters.size > 0);
}
