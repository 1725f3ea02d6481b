import {
  add,
  affine,
  concatenate,
  gatherTokens,
  matmul,
  mean,
  noGrad,
  ones,
  type ProductPrecision,
  reshape,
  scatterTokens,
  scope,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  type ForwardContext,
  forwardBlocks,
  forwardTransformer,
  inference,
  LayerNorm,
  type LoadOptions,
  Module,
  type PackedParameters,
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
import { findInitialization, type InitializationName } from "./initializations.js";
import { type LoadedTable, resampleLoaded } from "./loadedTables.js";
import { PatchEmbedding } from "./patchEmbedding.js";
import { fixedPositions, resamplePositions } from "./positions.js";
import {
  classTokenRows,
  distancesOf,
  RelativePositionBias,
  resampleRelativePositions,
} from "./relativePositionBias.js";

/** How the first weights of a `VisionTransformer` are drawn. */
export interface VisionTransformerDrawOptions {
  /** The same seed gives the same weights. Default 0. */
  readonly seed?: number;
  /**
   * `"deit"`: linear weights, positions and the class token from N(0, 0.02²), the patch embedding's as PyTorch begins
   * convolutions, other biases 0, norms 1. `"beit"`: all weights, also the patch embedding's, from N(0, 0.02²) cut at
   * ±0.02, those of `attn.proj` and `mlp.fc2` divided by √(2·layer), biases 0, norms 1. `"mae"`: as DeiT's, but linear
   * weights and the patch embedding's are Xavier-uniform. Default `"deit"`.
   */
  readonly initialization?: InitializationName;
}

/** Which patches of each picture are replaced by a mask token, and by which. */
export interface MaskedPatches {
  /** int32 B×K: the patches that are seen. */
  readonly visible: Tensor;
  /** int32 B×(N−K): the others. */
  readonly hidden: Tensor;
  /** 1×1×D: what stands for the embedding of a hidden patch. */
  readonly token: Tensor;
}

/** Options of `VisionTransformer.loadStateDict`. */
export interface VisionTransformerLoadOptions extends LoadOptions {
  /** [rows, columns] of the positions that are loaded, where they are neither this model's grid nor a square. */
  readonly grid?: readonly [rows: number, columns: number];
}

const poolings = ["mean", "class", "patches", "none"] as const;

/** Options of `VisionTransformer.encode`. */
export interface EncodeOptions {
  /**
   * `"mean"` of the patches' tokens after the last norm (default), the `"class"` token, `"patches"`: the tokens of the
   * patches alone, or `"none"`: all tokens (timm's `forward_features`).
   */
  readonly pooling?: (typeof poolings)[number];
  /** In which number format the products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision;
  /** The weights, packed for inference; see `InferenceEncoder`. Default: the parameters themselves. */
  readonly packed?: PackedParameters | undefined;
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
  /** The weights, packed for inference; see `InferenceEncoder`. Default: the parameters themselves. */
  readonly packed?: PackedParameters | undefined;
}

/**
 * A vision transformer (Dosovitskiy et al. 2021) with timm's parameter names: `patch_embed.proj.weight` D×C×P×P,
 * `pos_embed` 1×N×D (1×(1+N)×D with a class token), `cls_token`, `reg_token`, `blocks.0.attn.qkv.weight` …,
 * `norm.weight`. timm's weights load here and these load there.
 */
export class VisionTransformer extends Module {
  /** The config with its defaults filled in. */
  readonly config: ResolvedVisionTransformerConfig;
  /** Rows and columns of patches in a picture of the config's size. */
  readonly grid: readonly [rows: number, columns: number];
  /** 1×1×D, or null without a class token. */
  readonly cls_token: Parameter | null;
  /** 1×R×D, or null without register tokens. */
  readonly reg_token: Parameter | null;
  /**
   * 1×(C+N)×D, C = 1 with a class token, else 0 (see `prefixPositions` for others); null without positions. Fixed
   * sine-cosine positions are saved and loaded like learned ones (as MAE's and MoCo v3's weights have them, so that
   * timm reads ours too), but require no gradient; the class token's are 0.
   */
  readonly pos_embed: Parameter | null;
  /** The bias that all blocks share, or null. */
  readonly rel_pos_bias: RelativePositionBias | null;
  /** Makes tokens of patches. */
  readonly patch_embed: PatchEmbedding;
  /** The layer norm before the first block, or null. */
  readonly norm_pre: LayerNorm | null;
  /** The transformer blocks. */
  readonly blocks: readonly TransformerBlock[];
  /** The last layer norm, or null. */
  readonly norm: LayerNorm | null;
  readonly #device: Device;

  /**
   * Draws the weights: as DeiT does with timm, unless told otherwise; the SplitMask paper says nothing of it.
   *
   * @param device Where the model lives.
   * @param config Its shape; see `vit` for the usual ones.
   * @param options How the weights begin. Default: DeiT's, of seed 0.
   * @throws RangeError If the config's numbers do not fit each other, or there is no such initialization.
   */
  constructor(device: Device, config: VisionTransformerConfig, options: VisionTransformerDrawOptions = {}) {
    super();
    const { seed = 0, initialization = "deit" } = options;
    const begin = findInitialization(initialization);
    const resolved = resolveVisionTransformerConfig(config);
    const { imageSize, patchSize, width, channels, classToken, epsilon, heads, positions } = resolved;
    const { registerTokens } = resolved;
    this.#device = device;
    this.config = resolved;
    this.grid = gridOf(imageSize, patchSize);
    const places = this.#placedPrefix + this.grid[0] * this.grid[1];
    const draw = (shape: number[], name: string) => {
      const key = { seed, purpose: `encoder.${name}` };
      return Parameter.begin(device, () => begin.tokens(device, shape, key));
    };
    this.cls_token = classToken ? draw([1, 1, width], "cls_token") : null;
    this.reg_token = registerTokens > 0 ? draw([1, registerTokens, width], "reg_token") : null;
    this.pos_embed =
      positions === "none"
        ? null
        : positions === "learned"
          ? draw([1, places, width], "pos_embed")
          : fixedPositions(device, this.grid, width, {
              firstHalf: positions === "sincos" ? "column" : "row",
              prefix: this.#placedPrefix,
            });
    this.rel_pos_bias =
      resolved.relativePositionBias === "shared"
        ? new RelativePositionBias(device, { grid: this.grid, heads, classToken })
        : null;
    this.patch_embed = new PatchEmbedding(device, { width, channels, patchSize, seed, ...begin.patches });
    this.norm_pre = resolved.preNorm ? new LayerNorm(device, { width, epsilon }) : null;
    this.blocks = transformerBlocks(device, {
      ...resolved,
      ...begin.blocks,
      seed,
      purpose: "encoder.blocks",
    });
    this.norm = resolved.finalNorm ? new LayerNorm(device, { width, epsilon }) : null;
  }

  /** How many tokens come before those of the patches: the class token, and the register tokens behind it. */
  get prefixTokens(): number {
    return this.#classTokens + this.config.registerTokens;
  }

  get #classTokens(): number {
    return this.config.classToken ? 1 : 0;
  }

  /** How many of the prefix tokens have an entry in `pos_embed`. */
  get #placedPrefix(): number {
    return { none: 0, class: this.#classTokens, all: this.prefixTokens }[this.config.prefixPositions];
  }

  /**
   * All tokens of whole pictures.
   *
   * @param images B×C×H×W. Another size than the config's is interpolated in the positions (bicubic), with gradients.
   * @param context Default: inference.
   * @returns B×N×D after the last norm; with a class token, which goes first, and R register tokens B×(1+R+N)×D.
   */
  forward(images: Tensor, context: ForwardContext = inference): Tensor {
    const bias = this.#biasOf(images);
    return forwardTransformer(this.#device, this, () => this.#embedAll(images, context), context, bias);
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
    const [pictures = 0] = images.shape;
    const [rows = 0] = indices.shape;
    this.#checkSize("encodeTokens", images);
    if (indices.rank !== 2 || rows === 0 || rows % pictures !== 0) {
      throw new RangeError(
        `encodeTokens: indices are ${indices.shape.join("×")} for ${pictures} pictures; ` +
          `expected (r·${pictures})×K, whole sets of rows, one row a picture in each.`,
      );
    }
    const embed = () => {
      const patches = patchify(images, this.config.patchSize);
      const sets = Array.from({ length: rows / pictures }, (_, set) =>
        gatherTokens(patches, slice(indices, 0, set * pictures, (set + 1) * pictures)),
      );
      const visible = sets.length === 1 ? sets[0]! : concatenate(sets, 0);
      const embedded = this.patch_embed.forward(visible, context);
      if (this.config.positions === "none") return this.#prependTokens(embedded);
      return this.#prependTokens(add(embedded, gatherTokens(this.patchPositions(), indices)));
    };
    const { rel_pos_bias } = this;
    const bias = rel_pos_bias === null ? null : () => rel_pos_bias.forwardTokens(indices);
    return forwardTransformer(this.#device, this, embed, context, bias);
  }

  /**
   * All tokens of pictures of which some patches are masked: a mask token stands for the embedding of each hidden
   * patch, at its position, and goes through all blocks with the others (BEiT, SimMIM).
   *
   * @param images B×C×H×W of the config's size.
   * @param masked Which patches, and the token. Hidden patches are never embedded.
   * @param context Default: inference.
   * @returns B×N×D after the last norm; B×(1+N)×D with a class token, which goes first.
   * @throws RangeError If the sets of patches or the token do not fit, or the pictures have another size.
   */
  encodeMasked(images: Tensor, masked: MaskedPatches, context: ForwardContext = inference): Tensor {
    const { patchSize, width } = this.config;
    const { visible, hidden, token } = masked;
    const patches = this.grid[0] * this.grid[1];
    const [pictures = 0] = images.shape;
    this.#checkSize("encodeMasked", images);
    const fits = [visible, hidden].every(({ rank, shape }) => rank === 2 && shape[0] === pictures);
    if (!fits || visible.shape[1]! + hidden.shape[1]! !== patches || token.shape.join() !== `1,1,${width}`) {
      throw new RangeError(
        `encodeMasked: visible is ${visible.shape.join("×")}, hidden ${hidden.shape.join("×")} and the ` +
          `token ${token.shape.join("×")} for ${pictures} pictures; expected ${pictures}×K and ` +
          `${pictures}×(${patches}−K), so that each patch is in one of them, and 1×1×${width}.`,
      );
    }
    const embed = () => {
      const seen = gatherTokens(patchify(images, patchSize), visible);
      const embedded = scatterTokens(this.patch_embed.forward(seen, context), visible, patches);
      const tokens = add(zeros(this.#device, [...hidden.shape, width]), token);
      return this.#prependTokens(
        this.#addPositions(add(embedded, scatterTokens(tokens, hidden, patches)), this.grid),
      );
    };
    return forwardTransformer(this.#device, this, embed, context, this.#biasOf(images));
  }

  #checkSize(method: string, images: Tensor): void {
    const [height, width] = this.config.imageSize;
    if (images.rank !== 4 || images.shape[2] !== height || images.shape[3] !== width) {
      throw new RangeError(
        `${method}: images are ${images.shape.join("×")}; ` +
          `expected B×${this.config.channels}×${height}×${width}, the model's picture size.`,
      );
    }
  }

  /**
   * Encodes pictures for use rather than training, e.g. for k-NN, linear probes and retrieval: no graph is recorded,
   * and nothing is kept but the result.
   *
   * @param images B×C×H×W, normalized as in training. Another size than the config's is interpolated in the positions.
   * @param options What to make of the tokens. Default: the mean of the patches' tokens.
   * @returns B×D with pooling `"mean"` or `"class"`; B×N×D with `"patches"`, row by row; with `"none"` the tokens as
   *   `forward` gives them.
   * @throws RangeError If the class token is asked for and there is none, or there is no such pooling.
   */
  encode(images: Tensor, options: EncodeOptions = {}): Tensor {
    const { pooling = "mean", precision, packed } = options;
    if (!poolings.includes(pooling)) {
      throw new RangeError(
        `encode: pooling is ${JSON.stringify(pooling)}; ` +
          `expected one of ${poolings.map((name) => JSON.stringify(name)).join(", ")}.`,
      );
    }
    this.#checkPooling("encode", pooling);
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const tokens = this.forward(images, { ...inference, precision, packed });
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
    const { pooling = "mean", norm = true, packed } = options;
    const context = { ...inference, packed };
    const layers = options.layers ?? this.blocks.map((_, index) => index + 1);
    const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > depth);
    if (wrong !== undefined) {
      throw new RangeError(
        `encodeLayers: there is no layer ${wrong} in a model of ${depth} blocks; ` +
          `expected whole numbers from 0 (before the first block) to ${depth}.`,
      );
    }
    this.#checkPooling("encodeLayers", pooling);
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const pooled = new Map<number, Tensor>();
        let tokens = scope(this.#device, () => this.#embedAll(images, context));
        const bias = this.#biasOf(images)?.() ?? null;
        const last = Math.max(...layers);
        for (let layer = 0; layer <= last; layer++) {
          if (layer > 0) {
            const before = tokens;
            tokens = this.blocks[layer - 1]!.forward(before, context, bias);
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
        `${method}: pooling is "class", but this model has no class token. ` +
          'Use pooling "mean", or make the model with classToken: true.',
      );
    }
  }

  /** B×N×D → B×D; with "patches" the tokens behind the prefix. */
  #pool(tokens: Tensor, pooling: "mean" | "class" | "patches"): Tensor {
    const [batch, length, width] = tokens.shape as readonly [number, number, number];
    if (pooling === "class") return reshape(slice(tokens, 1, 0, 1), [batch, width]);
    const patches = this.prefixTokens === 0 ? tokens : slice(tokens, 1, this.prefixTokens, length);
    return pooling === "mean" ? mean(patches, { axes: [1] }) : patches;
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
        const bias = this.#biasOf(images)?.() ?? null;
        const before = this.blocks.slice(0, index);
        const tokens = forwardBlocks(before, this.#embedAll(images, inference), inference, bias);
        return block.attn.probabilities(block.norm1.forward(tokens), bias);
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
        const bias = this.#biasOf(images)?.() ?? null;
        const places = tokens.shape[1]!;
        let rollout = identity(this.#device, places);
        for (const block of this.blocks) {
          const next = scope(this.#device, () => {
            const probabilities = block.attn.probabilities(block.norm1.forward(tokens), bias);
            const attended = mean(probabilities, { axes: [1] });
            return {
              rollout: affine(add(matmul(attended, rollout), rollout), 0.5, 0),
              tokens: block.forward(tokens, inference, bias),
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

  /**
   * The patches' positions, N×D, without the class token's; gradients flow to `pos_embed`.
   *
   * @throws RangeError If the model has none.
   */
  patchPositions(): Tensor {
    const [rows, columns] = this.grid;
    if (this.pos_embed === null) {
      throw new RangeError(
        'patchPositions: this model has no positions of its own (positions: "none"). ' +
          'Make it with "learned" or sine-cosine positions, ' +
          'or what asks for them with a table of its own (a decoder with positions: "own").',
      );
    }
    const table = slice(this.pos_embed, 1, this.#placedPrefix);
    return reshape(table, [rows * columns, this.config.width]);
  }

  /**
   * Overwrites the parameters, e.g. with timm's weights. Positions of another grid are interpolated (bicubic,
   * antialiased), and so is the table of a relative position bias.
   *
   * @param state E.g. `(await readSafetensors(path)).tensors`.
   * @throws Error That lists what is missing, unexpected or mis-shaped.
   */
  override loadStateDict(state: StateDict, options: VisionTransformerLoadOptions = {}): StateDifferences {
    const { grid } = this;
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const fitting = new Map(state);
        for (const table of this.#gridTables()) {
          const given = state.get(table.name);
          if (given === undefined) continue;
          fitting.set(table.name, resampleLoaded(this.#device, given, table, [grid, options.grid]));
        }
        return super.loadStateDict(fitting, options);
      }),
    );
  }

  /** The parameters whose shape follows from the grid. */
  #gridTables(): LoadedTable[] {
    const { grid, pos_embed, rel_pos_bias } = this;
    const placed = this.#placedPrefix;
    const tables: LoadedTable[] = [];
    if (pos_embed !== null) {
      tables.push({
        ...{ name: "pos_embed", own: pos_embed, axis: 1, entries: "places", apart: placed },
        countOf: ([rows, columns]) => rows * columns,
        sideOf: Math.sqrt,
        resample: (table, from) => resamplePositions(table, from, grid, placed),
      });
    }
    if (rel_pos_bias !== null) {
      tables.push({
        name: "rel_pos_bias.relative_position_bias_table",
        ...{ own: rel_pos_bias.relative_position_bias_table, axis: 0, entries: "distances" },
        apart: classTokenRows * this.#classTokens,
        countOf: distancesOf,
        sideOf: (count) => (Math.sqrt(count) + 1) / 2,
        resample: (table, from) => resampleRelativePositions(table, from, grid),
      });
    }
    return tables;
  }

  /** Makes the bias of all tokens of pictures; null where the model has none. */
  #biasOf(images: Tensor): (() => Tensor) | null {
    const { rel_pos_bias } = this;
    return rel_pos_bias === null ? null : () => rel_pos_bias.forward(this.#gridOf(images));
  }

  #gridOf({ shape: [, , height = 0, width = 0] }: Tensor): readonly [rows: number, columns: number] {
    return gridOf([height, width], this.config.patchSize);
  }

  /** Tokens of all patches with their positions, before the blocks. */
  #embedAll(images: Tensor, context: ForwardContext): Tensor {
    const embedded = this.patch_embed.forward(patchify(images, this.config.patchSize), context);
    return this.#prependTokens(this.#addPositions(embedded, this.#gridOf(images)));
  }

  /** Adds to the tokens of all patches of a grid their positions, if there are any. */
  #addPositions(tokens: Tensor, grid: readonly [rows: number, columns: number]): Tensor {
    const { positions, width } = this.config;
    if (positions === "none") return tokens;
    const table = reshape(this.patchPositions(), [1, this.grid[0] * this.grid[1], width]);
    return add(tokens, resamplePositions(table, this.grid, grid));
  }

  /** What the first block sees: class and register tokens, where there are any, before those of the patches. */
  #prependTokens(patches: Tensor): Tensor {
    const [batch, , width] = patches.shape as readonly [number, number, number];
    const { cls_token, norm_pre, reg_token } = this;
    const prefix = [cls_token, reg_token].filter((own) => own !== null);
    let first = 0;
    const parts = prefix.map((own) => {
      const count = own.shape[1]!;
      const placed = this.#addPrefixPositions(own, first);
      first += count;
      return add(zeros(this.#device, [batch, count, width]), placed);
    });
    const tokens = parts.length === 0 ? patches : concatenate([...parts, patches], 1);
    return norm_pre?.forward(tokens) ?? tokens;
  }

  /** Adds to prefix tokens, of which the first has this place in `pos_embed`, their positions, if they have any. */
  #addPrefixPositions(tokens: Tensor, first: number): Tensor {
    const { pos_embed } = this;
    const last = first + tokens.shape[1]!;
    return pos_embed === null || last > this.#placedPrefix
      ? tokens
      : add(tokens, slice(pos_embed, 1, first, last));
  }
}

/** The N×N identity matrix. */
function identity(device: Device, size: number): Tensor {
  const diagonal = Int32Array.from({ length: size }, (_, row) => row);
  const rows = scatterTokens(ones(device, [size, 1, 1]), tensor(device, diagonal, [size, 1]), size);
  return reshape(rows, [size, size]);
}
