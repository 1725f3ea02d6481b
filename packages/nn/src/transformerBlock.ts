import { checkpoint, scope, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Attention } from "./attention.js";
import { DropPath } from "./dropPath.js";
import { type ForwardContext, productDtype } from "./forwardContext.js";
import type { Initializer } from "./initializers.js";
import { LayerNorm } from "./layerNorm.js";
import { LayerScale } from "./layerScale.js";
import type { ResidualOptions } from "./linear.js";
import { type Activation, Mlp } from "./mlp.js";
import { Module } from "./module.js";

/** Sizes of a `TransformerBlock`. */
export interface TransformerBlockOptions extends ResidualOptions {
  /** D. */
  readonly width: number;
  /** The number of heads; D has to be a multiple of it. */
  readonly heads: number;
  /** Width of the hidden layer over D. Default 4. */
  readonly mlpRatio?: number;
  /** Between the two layers of the MLP. Default `"gelu"`. */
  readonly activation?: Activation;
  /** Whether queries, keys and values have a bias. Default true. */
  readonly qkvBias?: boolean;
  /** The first value of layer scale; null: none. Default null. */
  readonly layerScale?: number | null;
  /** With which probability a sample's path is dropped in training. Default 0. */
  readonly dropPath?: number;
  /** Of the layer norms. Default 1e-6. */
  readonly epsilon?: number;
}

/**
 * A pre-norm transformer block (Dosovitskiy et al. 2021): x + path(attn(norm1(x))), then x + path(mlp(norm2(x))), path
 * = drop path ∘ layer scale. B×N×D → B×N×D.
 * Parameters under timm's names: `norm1`, `attn.qkv`, `attn.proj`, `ls1.gamma`, `norm2`, `mlp.fc1`, `mlp.fc2`,
 * `ls2.gamma`.
 */
export class TransformerBlock extends Module {
  /** Before the attention. */
  readonly norm1: LayerNorm;
  /** Mixes tokens. */
  readonly attn: Attention;
  /** Scales the attention's path, or null. */
  readonly ls1: LayerScale | null;
  /** Drops the attention's path. */
  readonly drop_path1: DropPath;
  /** Before the MLP. */
  readonly norm2: LayerNorm;
  /** Works on each token. */
  readonly mlp: Mlp;
  /** Scales the MLP's path, or null. */
  readonly ls2: LayerScale | null;
  /** Drops the MLP's path. */
  readonly drop_path2: DropPath;

  /** Draws the weights. */
  constructor(device: Device, options: TransformerBlockOptions) {
    super();
    const { width, mlpRatio = 4, layerScale = null, dropPath = 0, epsilon = 1e-6, purpose } = options;
    const scale = () => (layerScale === null ? null : new LayerScale(device, { width, initial: layerScale }));
    const drop = (name: string) => new DropPath({ probability: dropPath, purpose: `${purpose}.${name}` });
    this.norm1 = new LayerNorm(device, { width, epsilon });
    this.attn = new Attention(device, { ...options, purpose: `${purpose}.attn` });
    this.ls1 = scale();
    this.drop_path1 = drop("drop_path1");
    this.norm2 = new LayerNorm(device, { width, epsilon });
    this.mlp = new Mlp(device, {
      ...options,
      hiddenWidth: Math.round(width * mlpRatio),
      purpose: `${purpose}.mlp`,
    });
    this.ls2 = scale();
    this.drop_path2 = drop("drop_path2");
  }

  /**
   * What the backward pass does not need is released at once. With `context.recompute` only x and the bias are kept.
   *
   * @param x B×N×D.
   * @param bias Added to the scores of the attention, see `Attention.forward`.
   * @returns B×N×D.
   */
  forward(x: Tensor, context: ForwardContext, bias: Tensor | null = null): Tensor {
    const paths = (input: Tensor, given: Tensor | null = null) =>
      scope(x.device, () => this.#addPaths(input, context, given));
    if (!context.recompute) return paths(x, bias);
    return checkpoint(paths, bias === null ? [x] : [x, bias], [...this.namedParameters().values()]);
  }

  #addPaths(x: Tensor, context: ForwardContext, bias: Tensor | null): Tensor {
    const { attn, mlp } = this;
    const dtype = productDtype(context);
    const normed = this.norm1.forward(x, dtype);
    const attend = (residual: Tensor | null) => attn.forward(normed, context, residual, bias);
    const attended = addPath(x, attend, this.ls1, this.drop_path1, context);
    const normedAgain = this.norm2.forward(attended, dtype);
    const expand = (residual: Tensor | null) => mlp.forward(normedAgain, context, residual);
    return addPath(attended, expand, this.ls2, this.drop_path2, context);
  }
}

/**
 * The blocks of a transformer, first to last. Drop path rises linearly from 0 to `dropPath` over them (one block: 0),
 * as in timm.
 *
 * @param options Of every block; `purpose` is the list's dotted name: block i draws its weights as `<purpose>.<i>`.
 *   `outputInitializer` gives that of each layer, counted from 1.
 */
export function transformerBlocks(
  device: Device,
  options: Omit<TransformerBlockOptions, "outputInitializer"> & {
    readonly depth: number;
    readonly outputInitializer?: (layer: number) => Initializer;
  },
): TransformerBlock[] {
  const { depth, dropPath = 0, purpose, outputInitializer, ...rest } = options;
  return Array.from(
    { length: depth },
    (_, block) =>
      new TransformerBlock(device, {
        ...rest,
        ...(outputInitializer === undefined ? {} : { outputInitializer: outputInitializer(block + 1) }),
        dropPath: block === 0 ? 0 : (dropPath * block) / (depth - 1),
        purpose: `${purpose}.${block}`,
      }),
  );
}

/**
 * The blocks one after the other: B×N×D → B×N×D. What is between them is released as soon as nothing needs it.
 *
 * @param bias Added to the scores of every block's attention, see `Attention.forward`.
 */
export function forwardBlocks(
  blocks: readonly TransformerBlock[],
  x: Tensor,
  context: ForwardContext,
  bias: Tensor | null = null,
): Tensor {
  return blocks.reduce((tokens, block) => {
    const next = block.forward(tokens, context, bias);
    if (tokens !== x) tokens.dispose();
    return next;
  }, x);
}

/**
 * A whole transformer, from embedding to last norm: B×N×D. Of what is between only what the backward pass needs
 * outlives the call.
 *
 * @param device Where it runs.
 * @param network Its blocks, and the norm after them, or null.
 * @param embed Makes the tokens that the first block sees.
 * @param context Handed to each block.
 * @param makeBias Makes what is added to the scores of every block's attention; null: nothing is.
 */
export function forwardTransformer(
  device: Device,
  network: { readonly blocks: readonly TransformerBlock[]; readonly norm: LayerNorm | null },
  embed: () => Tensor,
  context: ForwardContext,
  makeBias: (() => Tensor) | null = null,
): Tensor {
  return scope(device, () => {
    const bias = makeBias === null ? null : scope(device, makeBias);
    const tokens = forwardBlocks(network.blocks, scope(device, embed), context, bias);
    return network.norm?.forward(tokens) ?? tokens;
  });
}

/**
 * x + drop(scale(layer)), the sum in the last kernel of the path.
 *
 * @param layer Gives the layer's output with what it is given added, or alone.
 */
function addPath(
  x: Tensor,
  layer: (residual: Tensor | null) => Tensor,
  scale: LayerScale | null,
  drop: DropPath,
  context: ForwardContext,
): Tensor {
  const dropping = drop.isActive(context);
  let path = layer(scale === null && !dropping ? x : null);
  if (scale !== null) path = scale.forward(path, dropping ? null : x);
  return dropping ? drop.forward(path, context, x) : path;
}
