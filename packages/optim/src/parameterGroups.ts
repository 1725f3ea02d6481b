import type { Tensor } from "@splitmask/autograd";

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
]);

/**
 * Two groups, as BEiT trains: matrices are decayed; 1-D parameters (biases, norms, layer scales), positions and tokens are not. Parameters that require no gradient are left out.
 */
export function parameterGroups(
  model: NamedParameters,
  options: ParameterGroupOptions = {},
): ParameterGroup[] {
  const { weightDecay = 0.05, noDecay = () => false } = options;
  const decayed = new Map<string, Tensor>();
  const plain = new Map<string, Tensor>();
  for (const [name, parameter] of model.namedParameters()) {
    if (!parameter.requiresGrad) continue;
    const last = name.slice(name.lastIndexOf(".") + 1);
    const excluded = parameter.rank <= 1 || undecayed.has(last) || noDecay(name, parameter);
    (excluded ? plain : decayed).set(name, parameter);
  }
  return [
    { parameters: decayed, weightDecay },
    { parameters: plain, weightDecay: 0 },
  ].filter((group) => group.parameters.size > 0);
}
