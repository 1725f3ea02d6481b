import {
  add,
  affine,
  attentionProbabilities,
  concatenate,
  gatherTokens,
  type HostTensor,
  matmul,
  mean,
  noGrad,
  ones,
  type ProductPrecision,
  reshape,
  scatterTokens,
  scope,
  slice,
  Tensor,
  tensor,
  truncatedNormal,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  type ForwardContext,
  forwardBlocks,
  forwardTransformer,
  type Initializer,
  inference,
  LayerNorm,
  type LoadOptions,
  Module,
  Parameter,
  patchify,
  type StateDict,
  type StateDifferences,
  type TransformerBlock,
  transformerBlocks,
} from "@splitmask/nn";
import {
  gridOf,
  type ResolvedVisionTransformerConfig,
  resolveVisionTransformerConfig,
  type VisionTransformerConfig,
} from "./config.js";
import { PatchEmbedding } from "./patchEmbedding.js";
import { fixedPositions, resamplePositions } from "./positions.js";

/** Options of `VisionTransformer.loadStateDict`. */
export interface VisionTransformerLoadOptions extends LoadOptions {
  /** [rows, columns] of the positions that are loaded, where they are neither this model's grid nor a square. */
  readonly grid?: readonly [rows: number, columns: number];
}

/** How a `VisionTransformer` draws its first weights. */
export interface VisionTransformerDrawOptions {
  /** The same seed gives the same weights. Default 0. */
  readonly seed?: number;
  /**
   * Draws the weights of linear layers and, as a D×(C·P²) matrix, of the patch embedding, e.g. `xavierUniform` as MAE
   * does. Default: N(0, 0.02²), and PyTorch's for convolutions.
   */
  readonly initializer?: Initializer;
}

const poolings = ["mean", "class", "none"] as const;

/** Options of `VisionTransformer.encode`. */
export interface EncodeOptions {
  /**
   * `"mean"` of the patches' tokens after the last norm (default), the `"class"` token, or `"none"`: all tokens (timm's
   * `forward_features`).
   */
  readonly pooling?: (typeof poolings)[number];
  /** In which number format the products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision;
}

/** Options of `VisionTransformer.encodeLayers`. */
export interface EncodeLayersOptions {
  /** Which blocks' outputs, counted from 1; 0 is the embedding before the first. Default all blocks. */
  readonly layers?: readonly number[];
  /** The `"mean"` of the patches' tokens (default), or the `"class"` token. */
  readonly pooling?: "mean" | "class";
  /**
   * Whether the last norm goes over each layer's tokens, as DINO's `get_intermediate_layers` does; the last layer then
   * is what `encode` gives. Default true.
   */
  readonly norm?: boolean;
}

/**
 * A vision transformer (Dosovitskiy et al. 2021) with timm's parameter names: `patch_embed.proj.weight` D×C×P×P,
 * `pos_embed` 1×N×D (1×(1+N)×D with a class
 * token), `cls_token`, `blocks.0.attn.qkv.weight` …, `norm.weight`. timm's weights load here and these load there.
 */
export class VisionTransformer extends Module {
  /** The config with its defaults filled in. */
  readonly config: ResolvedVisionTransformerConfig;
  /** Rows and columns of patches in a picture of the config's size. */
  readonly grid: readonly [rows: number, columns: number];
  /** 1×1×D, or null without a class token. */
  readonly cls_token: Parameter | null;
  /**
   * 1×(C+N)×D, C = 1 with a class token, else 0. Fixed sine-cosine positions are saved and loaded like learned ones (as
   * MAE's and MoCo v3's weights have them, so that timm reads ours too), but require no gradient; the class token's are 0.
   */
  readonly pos_embed: Parameter;
  /** Makes tokens of patches. */
  readonly patch_embed: PatchEmbedding;
  /** The transformer blocks. */
  readonly blocks: readonly TransformerBlock[];
  /** The last layer norm, or null. */
  readonly norm: LayerNorm | null;
  readonly #device: Device;

  /**
   * Draws the weights: linear weights, positions and the class token from N(0, 0.02²), as DeiT does with timm; the
   * patch embedding's as PyTorch begins convolutions; other biases 0; norms 1. BEiT's pre-training cuts at one
   * deviation and divides the weights of `attn.proj` and `mlp.fc2` by √(2·layer); the SplitMask paper says neither, and
   * neither is done.
   *
   * @param device Where the model lives.
   * @param config Its shape; see `vit` for the usual ones.
   * @param options How the weights are drawn.
   * @throws RangeError If the config's numbers do not fit each other.
   */
  constructor(device: Device, config: VisionTransformerConfig, options: VisionTransformerDrawOptions = {}) {
    super();
    const { seed = 0, ...drawn } = options;
    const resolved = resolveVisionTransformerConfig(config);
    const { imageSize, patchSize, width, channels, classToken, positions } = resolved;
    this.#device = device;
    this.config = resolved;
    this.grid = gridOf(imageSize, patchSize);
    const places = (classToken ? 1 : 0) + this.grid[0] * this.grid[1];
    const draw = (shape: number[], name: string) => {
      const key = { seed, purpose: `encoder.${name}` };
      return Parameter.begin(device, () => truncatedNormal(device, shape, { standardDeviation: 0.02, key }));
    };
    this.cls_token = classToken ? draw([1, 1, width], "cls_token") : null;
    this.pos_embed =
      positions === "learned"
        ? draw([1, places, width], "pos_embed")
        : fixedPositions(device, this.grid, width, {
            firstHalf: positions === "sincos" ? "column" : "row",
            prefix: this.prefixTokens,
          });
    this.patch_embed = new PatchEmbedding(device, { width, channels, patchSize, seed, ...drawn });
    this.blocks = transformerBlocks(device, { ...resolved, ...drawn, seed, purpose: "encoder.blocks" });
    this.norm = resolved.finalNorm ? new LayerNorm(device, { width, epsilon: resolved.epsilon }) : null;
  }

  /** How many tokens come before those of the patches: 1 with a class token, else 0. */
  get prefixTokens(): number {
    return this.config.classToken ? 1 : 0;
  }

  /**
   * All tokens of whole pictures.
   *
   * @param images B×C×H×W. Another size than the config's is interpolated in the positions (bicubic), with gradients.
   * @param context Default: inference.
   * @returns B×N×D after the last norm; B×(1+N)×D with a class token, which goes first.
   */
  forward(images: Tensor, context: ForwardContext = inference): Tensor {
    return forwardTransformer(this.#device, this, () => this.#embedAll(images, context), context);
  }

  /**
   * Tokens of some patches of each picture; the others are never embedded, and no mask token is ever seen.
   *
   * @param images B×C×H×W of the config's size.
   * @param indices int32 (r·B)×K: row j holds places of picture j mod B, so that several sets of the same pictures run
   *   as one batch.
   * @param context Default: inference.
   * @returns (r·B)×K×D after the last norm; (r·B)×(1+K)×D with a class token, which goes first.
   * @throws RangeError If the number of rows is no multiple of the number of pictures, or the pictures have another
   *   size.
   */
  encodeTokens(images: Tensor, indices: Tensor, context: ForwardContext = inference): Tensor {
    const [height, width] = this.config.imageSize;
    const [pictures = 0] = images.shape;
    const [rows = 0] = indices.shape;
    if (images.rank !== 4 || images.shape[2] !== height || images.shape[3] !== width) {
      throw new RangeError(
        `encodeTokens: images are ${images.shape.join("×")}; expected B×${this.config.channels}×${height}×${width}, the model's picture size.`,
      );
    }
    if (indices.rank !== 2 || rows === 0 || rows % pictures !== 0) {
      throw new RangeError(
        `encodeTokens: indices are ${indices.shape.join("×")} for ${pictures} pictures; expected (r·${pictures})×K, whole sets of rows, one row a picture in each.`,
      );
    }
    const embed = () => {
      const patches = patchify(images, this.config.patchSize);
      const sets = Array.from({ length: rows / pictures }, (_, set) =>
        gatherTokens(patches, slice(indices, 0, set * pictures, (set + 1) * pictures)),
      );
      const visible = sets.length === 1 ? sets[0]! : concatenate(sets, 0);
      const positions = gatherTokens(this.patchPositions(), indices);
      return this.#prependClassToken(add(this.patch_embed.forward(visible, context), positions));
    };
    return forwardTransformer(this.#device, this, embed, context);
  }

  /**
   * Encodes pictures for use rather than training, e.g. for k-NN, linear probes and retrieval: no graph is recorded,
   * and nothing is kept but the result.
   *
   * @param images B×C×H×W, normalized as in training. Another size than the config's is interpolated in the positions.
   * @param options What to make of the tokens. Default: the mean of the patches' tokens.
   * @returns B×D with pooling `"mean"` or `"class"`; with `"none"` the tokens as `forward` gives them.
   * @throws RangeError If the class token is asked for and there is none, or there is no such pooling.
   */
  encode(images: Tensor, options: EncodeOptions = {}): Tensor {
    const { pooling = "mean", precision } = options;
    if (!poolings.includes(pooling)) {
      throw new RangeError(
        `encode: pooling is ${JSON.stringify(pooling)}; expected one of ${poolings.map((name) => JSON.stringify(name)).join(", ")}.`,
      );
    }
    this.#checkPooling("encode", pooling);
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const tokens = this.forward(images, { ...inference, precision });
        return pooling === "none" ? tokens : this.#pool(tokens, pooling);
      }),
    );
  }

  /**
   * One vector a picture of each of several layers, e.g. for a linear probe by layer; one pass through the blocks.
   * Records no graph.
   *
   * @param images B×C×H×W, normalized as in training.
   * @param options Which layers, and what to make of their tokens. Default: the mean of the patches' tokens of every
   *   block.
   * @returns B×D for each of `layers`, in their order.
   * @throws RangeError If there is no such layer, or the class token is asked for and there is none.
   */
  encodeLayers(images: Tensor, options: EncodeLayersOptions = {}): Tensor[] {
    const depth = this.blocks.length;
    const { pooling = "mean", norm = true } = options;
    const layers = options.layers ?? this.blocks.map((_, index) => index + 1);
    const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > depth);
    if (wrong !== undefined) {
      throw new RangeError(
        `encodeLayers: there is no layer ${wrong} in a model of ${depth} blocks; expected whole numbers from 0 (before the first block) to ${depth}.`,
      );
    }
    this.#checkPooling("encodeLayers", pooling);
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const pooled = new Map<number, Tensor>();
        let tokens = scope(this.#device, () => this.#embedAll(images, inference));
        const last = Math.max(...layers);
        for (let layer = 0; layer <= last; layer++) {
          if (layer > 0) {
            const before = tokens;
            tokens = this.blocks[layer - 1]!.forward(before, inference);
            before.dispose();
          }
          if (!layers.includes(layer)) continue;
          const seen = tokens;
          pooled.set(
            layer,
            scope(this.#device, () => this.#pool(norm ? (this.norm?.forward(seen) ?? seen) : seen, pooling)),
          );
        }
        return layers.map((layer) => pooled.get(layer)!);
      }),
    );
  }

  #checkPooling(method: string, pooling: EncodeOptions["pooling"]): void {
    if (pooling === "class" && this.cls_token === null) {
      throw new RangeError(
        `${method}: pooling is "class", but this model has no class token. Use pooling "mean", or make the model with classToken: true.`,
      );
    }
  }

  /** B×N×D → B×D. */
  #pool(tokens: Tensor, pooling: "mean" | "class"): Tensor {
    const [batch, length, width] = tokens.shape as readonly [number, number, number];
    if (pooling === "class") return reshape(slice(tokens, 1, 0, 1), [batch, width]);
    const patches = this.prefixTokens === 0 ? tokens : slice(tokens, 1, this.prefixTokens, length);
    return mean(patches, { axes: [1] });
  }

  /**
   * The attention of one layer, for pictures. Records no graph.
   *
   * @param images B×C×H×W.
   * @param layer Which block; negative: counted from the end. Default −1, the last.
   * @returns B×heads×N×N: row i holds the probabilities with which token i looks at each token (N counts the class
   *   token, if there is one, first).
   * @throws RangeError If there is no such block.
   */
  attentionMaps(images: Tensor, layer = -1): Tensor {
    const index = layer < 0 ? this.blocks.length + layer : layer;
    const block = this.blocks[index];
    if (block === undefined) {
      throw new RangeError(
        `attentionMaps: there is no layer ${layer} in a model of ${this.blocks.length} blocks.`,
      );
    }
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const tokens = forwardBlocks(
          this.blocks.slice(0, index),
          this.#embedAll(images, inference),
          inference,
        );
        return attentionProbabilities(block.attn.qkv.forward(block.norm1.forward(tokens)), {
          heads: this.config.heads,
        });
      }),
    );
  }

  /**
   * Attention rollout (Abnar & Zuidema 2020): how much of each token of the input is in each token of the last layer,
   * if every block passes on half of what it gets and half of what its heads, averaged, look at:
   * the product over the layers of 0.5·A + 0.5·I. Records no graph.
   *
   * @param images B×C×H×W.
   * @returns B×N×N, rows sum to 1: row i holds the shares of token i (N counts the class token, if there is one,
   *   first).
   */
  attentionRollout(images: Tensor): Tensor {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        let tokens = this.#embedAll(images, inference);
        const places = tokens.shape[1]!;
        let rollout = identity(this.#device, places);
        for (const block of this.blocks) {
          const next = scope(this.#device, () => {
            const qkv = block.attn.qkv.forward(block.norm1.forward(tokens));
            const attended = mean(attentionProbabilities(qkv, { heads: this.config.heads }), { axes: [1] });
            return {
              rollout: affine(add(matmul(attended, rollout), rollout), 0.5, 0),
              tokens: block.forward(tokens, inference),
            };
          });
          tokens.dispose();
          rollout.dispose();
          ({ rollout, tokens } = next);
        }
        return rollout;
      }),
    );
  }

  /** The patches' positions, N×D, without the class token's; gradients flow to `pos_embed`. */
  patchPositions(): Tensor {
    const [rows, columns] = this.grid;
    const table = slice(this.pos_embed, 1, this.prefixTokens);
    return reshape(table, [rows * columns, this.config.width]);
  }

  /**
   * Overwrites the parameters, e.g. with timm's weights. Positions of another grid are interpolated (bicubic,
   * antialiased).
   *
   * @param state E.g. `(await readSafetensors(path)).tensors`.
   * @throws Error That lists what is missing, unexpected or mis-shaped.
   */
  override loadStateDict(state: StateDict, options: VisionTransformerLoadOptions = {}): StateDifferences {
    const given = state.get("pos_embed");
    if (given === undefined) return super.loadStateDict(state, options);
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const resampled = this.#resampleLoaded(given, options.grid);
        return super.loadStateDict(new Map(state).set("pos_embed", resampled), options);
      }),
    );
  }

  #resampleLoaded(given: HostTensor | Tensor, grid?: readonly [number, number]): HostTensor | Tensor {
    const [, count = 0, width = 0] = given.shape;
    const places = count - this.prefixTokens;
    const [rows, columns] = this.grid;
    const sameCount = places === rows * columns && (grid === undefined || grid[0] === rows);
    if (given.shape.length !== 3 || width !== this.config.width || sameCount) return given;
    const side = Math.round(Math.sqrt(places));
    const from = grid ?? [side, side];
    if (from[0] * from[1] !== places) {
      throw new Error(
        `VisionTransformer.loadStateDict: pos_embed is ${given.shape.join("×")}: ${places} places, which are no ${grid === undefined ? "square" : `${from[0]}×${from[1]}`} grid. Pass { grid: [rows, columns] } of the model that was saved.`,
      );
    }
    const table = given instanceof Tensor ? given : tensor(this.#device, given);
    return resamplePositions(table, from, this.grid, this.prefixTokens);
  }

  /** Tokens of all patches with their positions, before the blocks. */
  #embedAll(images: Tensor, context: ForwardContext): Tensor {
    const { patchSize, width } = this.config;
    const [, , height = 0, columns = 0] = images.shape;
    const embedded = this.patch_embed.forward(patchify(images, patchSize), context);
    const grid = gridOf([height, columns], patchSize);
    const places = this.grid[0] * this.grid[1];
    const table = reshape(this.patchPositions(), [1, places, width]);
    return this.#prependClassToken(add(embedded, resamplePositions(table, this.grid, grid)));
  }

  #prependClassToken(tokens: Tensor): Tensor {
    if (this.cls_token === null) return tokens;
    const [batch, , width] = tokens.shape as readonly [number, number, number];
    const own = add(this.cls_token, slice(this.pos_embed, 1, 0, 1));
    return concatenate([add(zeros(this.#device, [batch, 1, width]), own), tokens], 1);
  }
}

/** The N×N identity matrix. */
function identity(device: Device, size: number): Tensor {
  const diagonal = Int32Array.from({ length: size }, (_, row) => row);
  const rows = scatterTokens(ones(device, [size, 1, 1]), tensor(device, diagonal, [size, 1]), size);
  return reshape(rows, [size, size]);
}
