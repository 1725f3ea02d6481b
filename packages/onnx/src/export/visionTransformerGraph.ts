import {
  type HostTensor,
  noGrad,
  permute,
  reshape,
  scope,
  slice,
  type Tensor,
  transpose,
} from "@splitmask/autograd";
import type { LayerNorm, Linear, TransformerBlock } from "@splitmask/nn";
import type { PictureNormalization, VisionTransformer } from "@splitmask/vit";
import { GraphBuilder } from "./graphBuilder.js";
import type { OnnxGraph, OnnxPort } from "./modelProto.js";
import { type OnnxWeightFormat, products } from "./weightFormats.js";

/** A vision transformer with a linear head, such as the `ClassifierModel` of `@splitmask/methods`. */
export interface OnnxClassifier {
  /** The vision transformer. */
  readonly encoder: VisionTransformer;
  /**
   * The norm of the mean of the patches' tokens; null: the head sees the class token, or without one the mean of the
   * patches' tokens.
   */
  readonly fc_norm: LayerNorm | null;
  /** D → C. */
  readonly head: Linear;
}

/** Every choice of an export. */
export interface GraphOptions {
  /** What `pooler_output` is. */
  readonly pooling: "mean" | "class";
  readonly weights: OnnxWeightFormat;
  /** What (x − mean) / std is applied to before the first layer: pixels times this; null: nothing is. */
  readonly normalization: (PictureNormalization & { readonly pixelScale: number }) | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The name of the graph's input, as transformers calls it. */
const inputName = "pixel_values";

/** The graph of an encoder: all tokens, and pooled features. */
export async function encoderGraph(encoder: VisionTransformer, options: GraphOptions): Promise<OnnxGraph> {
  const writer = new GraphWriter(options.weights);
  const { graph } = writer;
  const tokens = await writer.tokens(encoder, options);
  const { width } = encoder.config;
  graph.output(tokens, "last_hidden_state");
  const outputs: OnnxPort[] = [{ name: "last_hidden_state", shape: ["batch", "tokens", width] }];
  const addFeatures = (name: string, features: string) => {
    graph.output(features, name);
    outputs.push({ name, shape: ["batch", width] });
  };
  const pooled = { mean: writer.meanOfPatches(encoder, tokens), class: writer.classToken(encoder, tokens) };
  addFeatures("pooler_output", pooled[options.pooling]!);
  addFeatures("mean_features", pooled.mean);
  if (pooled.class !== null) addFeatures("class_features", pooled.class);
  writer.checkAllWritten(encoder);
  return graph.graph([pictures(encoder)], outputs, options.metadata);
}

/** The graph of a classifier: its logits. */
export async function classifierGraph(model: OnnxClassifier, options: GraphOptions): Promise<OnnxGraph> {
  const { encoder, fc_norm, head } = model;
  const writer = new GraphWriter(options.weights);
  const tokens = await writer.tokens(encoder, options);
  const pooled =
    fc_norm === null
      ? (writer.classToken(encoder, tokens) ?? writer.meanOfPatches(encoder, tokens))
      : await writer.layerNorm(writer.meanOfPatches(encoder, tokens), "fc_norm", fc_norm);
  const { graph } = writer;
  graph.output(await writer.linear(pooled, "head", head), "logits");
  writer.checkAllWritten(encoder);
  const logits = { name: "logits", shape: ["batch", head.weight.shape[0]!] };
  return graph.graph([pictures(encoder)], [logits], options.metadata);
}

/** Whether a model takes pictures of any size in whole patches: a bias of each pair of places is of one grid. */
const hasOpenSize = ({ rel_pos_bias }: VisionTransformer) => rel_pos_bias === null;

function pictures(encoder: VisionTransformer): OnnxPort {
  const { channels, imageSize } = encoder.config;
  const sides = hasOpenSize(encoder) ? ["height", "width"] : imageSize;
  return { name: inputName, shape: ["batch", channels, ...sides] };
}

/** Writes the layers of a vision transformer; each method gives the name of what it computes. */
class GraphWriter {
  readonly graph = new GraphBuilder();
  readonly #weights: OnnxWeightFormat;
  readonly #written = new Set<Tensor>();

  constructor(weights: OnnxWeightFormat) {
    this.#weights = weights;
  }

  /**
   * Checks that no parameter of an encoder was left out.
   *
   * @throws TypeError If one was.
   */
  checkAllWritten(encoder: VisionTransformer): void {
    const left = [...encoder.namedParameters()].filter(([, parameter]) => !this.#written.has(parameter));
    if (left.length === 0) return;
    throw new TypeError(
      `exportOnnx: the model has ${left.map(([name]) => name).join(", ")}; the export does not know what they do. ` +
        "Expected the parameters of a VisionTransformer.",
    );
  }

  /** B×N×D: what `VisionTransformer.forward` gives. */
  async tokens(encoder: VisionTransformer, { normalization }: GraphOptions): Promise<string> {
    const { rel_pos_bias } = encoder;
    const bias =
      rel_pos_bias === null
        ? null
        : this.graph.tensor(
            "rel_pos_bias",
            await this.#madeOf(rel_pos_bias.relative_position_bias_table, () => rel_pos_bias.forward()),
          );
    let x = await this.#embed(encoder, normalization);
    for (const [index, block] of encoder.blocks.entries()) {
      x = await this.#block(x, `blocks.${index}`, block, bias);
    }
    return encoder.norm === null ? x : this.layerNorm(x, "norm", encoder.norm);
  }

  /** B×D of B×N×D. */
  meanOfPatches({ prefixTokens }: VisionTransformer, tokens: string): string {
    const { graph } = this;
    const whole = graph.integers(Number.MAX_SAFE_INTEGER);
    const patches =
      prefixTokens === 0
        ? tokens
        : graph.node("Slice", [tokens, graph.integers(prefixTokens), whole, graph.integers(1)]);
    return graph.node("ReduceMean", [patches, graph.integers(1)], { keepdims: { int: 0 } });
  }

  /** B×D of B×N×D; null without a class token. */
  classToken({ cls_token }: VisionTransformer, tokens: string): string | null {
    return cls_token === null ? null : this.#at(tokens, 0, 1);
  }

  async layerNorm(x: string, name: string, { bias, epsilon, weight }: LayerNorm): Promise<string> {
    return this.graph.node(
      "LayerNormalization",
      [x, await this.#parameter(`${name}.weight`, weight), await this.#parameter(`${name}.bias`, bias)],
      { epsilon: { float: epsilon } },
    );
  }

  async linear(x: string, name: string, { bias, weight }: Linear): Promise<string> {
    const columns = await this.#madeOf(weight, () => transpose(weight));
    const product = products[this.#weights](this.graph, x, `${name}.weight`, columns);
    if (bias === null) return product;
    return this.graph.node("Add", [product, await this.#parameter(`${name}.bias`, bias)]);
  }

  async #parameter(name: string, parameter: Tensor): Promise<string> {
    this.#written.add(parameter);
    return this.graph.tensor(name, await parameter.toHost());
  }

  /** What is made of a parameter on its device. */
  async #madeOf(parameter: Tensor, make: () => Tensor): Promise<HostTensor> {
    this.#written.add(parameter);
    const made = noGrad(parameter.device, () => scope(parameter.device, make));
    const host = await made.toHost();
    made.dispose();
    return host;
  }

  /** One place of an axis, without the axis. */
  #at(x: string, place: number, axis: number): string {
    const { graph } = this;
    const taken = graph.node("Gather", [x, graph.integers(place)], { axis: { int: axis } });
    return graph.node("Squeeze", [taken, graph.integers(axis)]);
  }

  #reshape(x: string, ...sizes: readonly number[]): string {
    return this.graph.node("Reshape", [x, this.graph.integers(...sizes)]);
  }

  #normalize({ mean, pixelScale, std }: NonNullable<GraphOptions["normalization"]>): string {
    const { graph } = this;
    const perChannel = (name: string, values: readonly number[]) =>
      graph.constant({
        name,
        type: "float32",
        shape: [1, values.length, 1, 1],
        data: Float32Array.from(values),
      });
    const scaled = graph.node("Mul", [
      inputName,
      perChannel(
        "pixel_factor",
        std.map((value) => pixelScale / value),
      ),
    ]);
    const shift = mean.map((value, channel) => -value / std[channel]!);
    return graph.node("Add", [scaled, perChannel("pixel_shift", shift)]);
  }

  /** Tokens before the first block. */
  async #embed(encoder: VisionTransformer, normalization: GraphOptions["normalization"]): Promise<string> {
    const { graph } = this;
    const { cls_token, pos_embed } = encoder;
    const { patchSize, width } = encoder.config;
    const { bias, weight } = encoder.patch_embed.proj;
    const images = normalization === null ? inputName : this.#normalize(normalization);
    const kernel = await this.#parameter("patch_embed.proj.weight", weight);
    const inputs = [images, kernel, await this.#parameter("patch_embed.proj.bias", bias)];
    const sides = [patchSize, patchSize];
    const patches = graph.node("Conv", inputs, { kernel_shape: sides, strides: sides });
    const placed =
      pos_embed === null ? patches : graph.node("Add", [patches, await this.#positions(encoder, patches)]);
    const tokens = graph.node("Transpose", [this.#reshape(placed, 0, width, -1)], { perm: [0, 2, 1] });
    if (cls_token === null) return tokens;
    const own = await this.#parameter("cls_token", cls_token);
    const first =
      pos_embed === null
        ? own
        : graph.node("Add", [
            own,
            graph.tensor("cls_position", await this.#madeOf(pos_embed, () => firstOf(pos_embed))),
          ]);
    const batch = graph.node("Shape", [patches], { start: { int: 0 }, end: { int: 1 } });
    const shape = graph.node("Concat", [batch, graph.integers(1, width)], { axis: { int: 0 } });
    return graph.node("Concat", [graph.node("Expand", [first, shape]), tokens], { axis: { int: 1 } });
  }

  /** The patches' positions, 1×D×rows×columns, for the grid of the pictures: antialiased and bicubic, as ours. */
  async #positions(encoder: VisionTransformer, patches: string): Promise<string> {
    const { graph } = this;
    const { grid } = encoder;
    const { width } = encoder.config;
    const table = await this.#madeOf(encoder.pos_embed!, () =>
      permute(reshape(encoder.patchPositions(), [1, ...grid, width]), [0, 3, 1, 2]),
    );
    const own = graph.tensor("pos_embed", table);
    if (!hasOpenSize(encoder)) return own;
    const sides = graph.node("Shape", [patches], { start: { int: 2 }, end: { int: 4 } });
    const sizes = graph.node("Concat", [graph.integers(1, width), sides], { axis: { int: 0 } });
    return graph.node("Resize", [own, "", "", sizes], {
      mode: "cubic",
      antialias: { int: 1 },
      cubic_coeff_a: { float: -0.5 },
      exclude_outside: { int: 1 },
      coordinate_transformation_mode: "half_pixel",
    });
  }

  async #block(x: string, name: string, block: TransformerBlock, bias: string | null): Promise<string> {
    const normed = await this.layerNorm(x, `${name}.norm1`, block.norm1);
    const attended = await this.#attention(normed, `${name}.attn`, block.attn, bias);
    const after = await this.#addScaled(x, attended, `${name}.ls1`, block.ls1);
    const again = await this.layerNorm(after, `${name}.norm2`, block.norm2);
    const hidden = this.#gelu(await this.linear(again, `${name}.mlp.fc1`, block.mlp.fc1));
    const output = await this.linear(hidden, `${name}.mlp.fc2`, block.mlp.fc2);
    return this.#addScaled(after, output, `${name}.ls2`, block.ls2);
  }

  /** x + gamma · path. */
  async #addScaled(x: string, path: string, name: string, scale: TransformerBlock["ls1"]): Promise<string> {
    const { graph } = this;
    const scaled =
      scale === null ? path : graph.node("Mul", [path, await this.#parameter(`${name}.gamma`, scale.gamma)]);
    return graph.node("Add", [x, scaled]);
  }

  /** softmax(q·kᵀ/√(D/H) + bias)·v, and the projection. */
  async #attention(
    x: string,
    name: string,
    { heads, proj, qkv }: TransformerBlock["attn"],
    bias: string | null,
  ): Promise<string> {
    const { graph } = this;
    const width = proj.weight.shape[1]!;
    const headWidth = width / heads;
    const packed = this.#reshape(await this.linear(x, `${name}.qkv`, qkv), 0, 0, 3, heads, headWidth);
    const part = (place: number, perm: readonly number[]) =>
      graph.node("Transpose", [this.#at(packed, place, 2)], { perm });
    const queries = graph.node("Mul", [part(0, [0, 2, 1, 3]), graph.scalar(headWidth ** -0.5)]);
    const scores = graph.node("MatMul", [queries, part(1, [0, 2, 3, 1])]);
    const biased = bias === null ? scores : graph.node("Add", [scores, bias]);
    const probabilities = graph.node("Softmax", [biased], { axis: { int: -1 } });
    const mixed = graph.node("MatMul", [probabilities, part(2, [0, 2, 1, 3])]);
    const joined = this.#reshape(graph.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), 0, 0, width);
    return this.linear(joined, `${name}.proj`, proj);
  }

  /** x · (1 + erf(x / √2)) / 2, which runtimes know as the exact GELU. */
  #gelu(x: string): string {
    const { graph } = this;
    const erf = graph.node("Erf", [graph.node("Div", [x, graph.scalar(Math.SQRT2)])]);
    const gate = graph.node("Add", [erf, graph.scalar(1)]);
    return graph.node("Mul", [graph.node("Mul", [x, gate]), graph.scalar(0.5)]);
  }
}

/** The class token's position, 1×1×D. */
const firstOf = (positions: Tensor) => slice(positions, 1, 0, 1);
