import {
  add,
  affine,
  gatherTokens,
  matmul,
  maxPool2d,
  normal,
  permute,
  relu,
  reshape,
  type Tensor,
  upsampleNearest,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Conv2d, type ForwardContext, type Initializer, Linear, Module, Parameter } from "@splitmask/nn";

/** Side of the pixels that share a word: three halvings. */
export const discreteVaePatch = 8;

/** Sizes of a discrete VAE. */
export interface DiscreteVaeSizes {
  /** V, how many words. Default 8192. */
  readonly vocabularySize?: number;
  /** Channels at full resolution; twice as many after each halving. Default 256, DALL-E's. */
  readonly width?: number;
  /** Residual blocks at each of the four resolutions. Default 2, DALL-E's. */
  readonly blocks?: number;
  /** Width of a word's embedding, with which the decoder begins. Default 128, DALL-E's. */
  readonly embeddingWidth?: number;
}

/** Sizes with every number filled in. */
export type ResolvedDiscreteVaeSizes = Required<DiscreteVaeSizes>;

/**
 * Fills in the sizes that are left out.
 *
 * @throws RangeError If one is no whole number from 1, or the width is no multiple of 4.
 */
export function resolveDiscreteVaeSizes(sizes: DiscreteVaeSizes): ResolvedDiscreteVaeSizes {
  const resolved = { vocabularySize: 8192, width: 256, blocks: 2, embeddingWidth: 128, ...sizes };
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`DiscreteVae: ${name} is ${value}; expected a whole number from 1.`);
  }
  if (resolved.width % 4 !== 0) {
    throw new RangeError(
      `DiscreteVae: width is ${resolved.width}; expected a multiple of 4: the blocks' inner convolutions have a ` +
        "quarter of the channels.",
    );
  }
  return resolved;
}

/** Channels at the four resolutions, as multiples of the width. */
const multiples = [1, 2, 4, 8] as const;

/** What all layers are drawn with: normal with the variance 1 / fan-in, as in DALL-E's code; biases begin at 0. */
const fanInNormal: Initializer = (device, shape, key) => {
  const [, ...fan] = shape;
  const fanIn = fan.reduce((product, size) => product * size, 1);
  return normal(device, shape, { standardDeviation: 1 / Math.sqrt(fanIn), key });
};

/** Makes the layers of a part of the model, whose names begin with its purpose. */
interface Drawn {
  readonly device: Device;
  readonly seed: number;
  readonly purpose: string;
}

function convolution(
  { device, purpose, seed }: Drawn,
  name: string,
  [inChannels, outChannels]: readonly [number, number],
  kernelSize: number,
): Conv2d {
  return new Conv2d(device, {
    ...{ inChannels, outChannels, kernelSize, padding: (kernelSize - 1) / 2 },
    ...{ seed, purpose: `${purpose}.${name}`, initializer: fanInNormal },
  });
}

/**
 * A residual block as DALL-E's: four convolutions behind ReLUs in a quarter of the channels, added to the input with a
 * factor. Parameters: `id_path.*` (1×1, where the channels change), `res_path.0.*` … `res_path.3.*`.
 */
export class DiscreteVaeBlock extends Module {
  /** 1×1, or null: the input as it is. */
  readonly id_path: Conv2d | null;
  /** The four convolutions. */
  readonly res_path: readonly Conv2d[];
  readonly #gain: number;

  /** Draws the weights. */
  constructor(
    drawn: Drawn,
    channels: readonly [number, number],
    { gain, kernels }: { readonly gain: number; readonly kernels: readonly number[] },
  ) {
    super();
    const [input, output] = channels;
    const inner = output / 4;
    const widths = [input, inner, inner, inner, output];
    this.id_path = input === output ? null : convolution(drawn, "id_path", channels, 1);
    this.res_path = kernels.map((kernel, index) =>
      convolution(drawn, `res_path.${index}`, [widths[index]!, widths[index + 1]!], kernel),
    );
    this.#gain = gain;
  }

  /** B×C×H×W → B×O×H×W. */
  forward(x: Tensor): Tensor {
    const last = this.res_path.length - 1;
    const residual = this.res_path.reduce(
      (y, layer, index) => layer.forward(y, { activation: index === last ? "none" : "relu" }),
      relu(x),
    );
    return add(this.id_path?.forward(x) ?? x, affine(residual, this.#gain, 0));
  }
}

/** The blocks of all resolutions, one behind the other. */
function residualBlocks(
  drawn: Drawn,
  first: number,
  widths: readonly number[],
  blocks: number,
  kernels: readonly number[],
): DiscreteVaeBlock[] {
  const outputs = widths.flatMap((width) => new Array<number>(blocks).fill(width));
  const gain = 1 / outputs.length ** 2;
  return outputs.map((output, index) => {
    const purpose = `${drawn.purpose}.blocks.${index}`;
    return new DiscreteVaeBlock({ ...drawn, purpose }, [outputs[index - 1] ?? first, output], {
      gain,
      kernels,
    });
  });
}

/**
 * Pictures to the logits of words: a 7×7 convolution, four groups of residual blocks with a max pooling between two,
 * and a linear layer. Parameters: `input.*`, `blocks.*`, `output.*`.
 */
export class DiscreteVaeEncoder extends Module {
  /** 7×7, 3 → width. */
  readonly input: Conv2d;
  /** Four groups, each at twice the channels and half the resolution of the one before. */
  readonly blocks: readonly DiscreteVaeBlock[];
  /** 8·width → V: a 1×1 convolution. */
  readonly output: Linear;
  /** The sizes. */
  readonly sizes: ResolvedDiscreteVaeSizes;

  /**
   * Draws the weights.
   *
   * @param device Where they are.
   * @param sizes Width, blocks, words.
   * @param options The seed.
   * @throws RangeError If a size is no whole number from 1.
   */
  constructor(device: Device, sizes: DiscreteVaeSizes, { seed }: { readonly seed: number }) {
    super();
    this.sizes = resolveDiscreteVaeSizes(sizes);
    const { blocks, vocabularySize, width } = this.sizes;
    const drawn = { device, seed, purpose: "encoder" };
    const widths = multiples.map((multiple) => multiple * width);
    this.input = convolution(drawn, "input", [3, width], 7);
    this.blocks = residualBlocks(drawn, width, widths, blocks, [3, 3, 3, 1]);
    this.output = new Linear(device, {
      ...{ inFeatures: 8 * width, outFeatures: vocabularySize },
      ...{ seed, purpose: "encoder.output", initializer: fanInNormal },
    });
  }

  /**
   * What the words are told from.
   *
   * @param pixels B×3×H×W, as `discreteVaePixels` gives them; H and W multiples of 8.
   * @returns B·N×(8·width), N = (H/8)·(W/8), behind the last ReLU.
   */
  features(pixels: Tensor): Tensor {
    const { blocks, width } = this.sizes;
    const last = this.blocks.length - 1;
    const maps = this.blocks.reduce((x, block, index) => {
      const y = block.forward(x);
      return (index + 1) % blocks === 0 && index < last ? maxPool2d(y, { kernelSize: 2 }) : y;
    }, this.input.forward(pixels));
    return reshape(permute(relu(maps), [0, 2, 3, 1]), [-1, 8 * width]);
  }

  /**
   * @param pixels B×3×H×W, as `discreteVaePixels` gives them; H and W multiples of 8.
   * @param context In which format the last product is formed.
   * @returns B·N×V: logits, places row by row.
   */
  forward(pixels: Tensor, { precision }: Pick<ForwardContext, "precision">): Tensor {
    return this.output.forward(this.features(pixels), { precision });
  }
}

/**
 * Words to pictures: their embeddings, four groups of residual blocks with an upsampling between two, and a 1×1
 * convolution. Parameters: `words` V×embeddingWidth (DALL-E's first 1×1 convolution; its bias would say nothing,
 * because probabilities sum to 1), `blocks.*`, `output.*`.
 */
export class DiscreteVaeDecoder extends Module {
  /** V×embeddingWidth. */
  readonly words: Parameter;
  /** Four groups, each at half the channels and twice the resolution of the one before. */
  readonly blocks: readonly DiscreteVaeBlock[];
  /** 1×1, width → channels. */
  readonly output: Conv2d;
  /** The sizes. */
  readonly sizes: ResolvedDiscreteVaeSizes;

  /**
   * Draws the weights.
   *
   * @param device Where they are.
   * @param sizes Width, blocks, words.
   * @param options The channels of the output, and the seed.
   * @throws RangeError If a size is no whole number from 1.
   */
  constructor(
    device: Device,
    sizes: DiscreteVaeSizes,
    { channels, seed }: { readonly channels: number; readonly seed: number },
  ) {
    super();
    this.sizes = resolveDiscreteVaeSizes(sizes);
    const { blocks, embeddingWidth, vocabularySize, width } = this.sizes;
    const drawn = { device, seed, purpose: "decoder" };
    const widths = multiples.map((multiple) => multiple * width).reverse();
    // One word at a time is looked up: as a row of one-hot vectors its fan-in is V.
    const key = { seed, purpose: "decoder.words" };
    const standardDeviation = 1 / Math.sqrt(vocabularySize);
    this.words = Parameter.begin(device, () =>
      normal(device, [vocabularySize, embeddingWidth], { standardDeviation, key }),
    );
    this.blocks = residualBlocks(drawn, embeddingWidth, widths, blocks, [1, 3, 3, 3]);
    this.output = convolution(drawn, "output", [width, channels], 1);
  }

  /**
   * Embeddings of words that are chosen, or of mixtures of all words.
   *
   * @param words int32 B·N: words; or B·N×V: the share of each word.
   * @returns B·N×embeddingWidth.
   */
  embed(words: Tensor, { precision }: Pick<ForwardContext, "precision">): Tensor {
    if (words.rank === 2) return matmul(words, this.words, { precision });
    const rows = words.size;
    return reshape(gatherTokens(this.words, reshape(words, [1, rows])), [rows, this.sizes.embeddingWidth]);
  }

  /**
   * @param embeddings B·N×embeddingWidth, places row by row.
   * @param grid Rows and columns of words.
   * @returns B×channels×(8·rows)×(8·columns).
   */
  forward(embeddings: Tensor, [rows, columns]: readonly [number, number]): Tensor {
    const { blocks, embeddingWidth } = this.sizes;
    const last = this.blocks.length - 1;
    const maps = permute(reshape(embeddings, [-1, rows, columns, embeddingWidth]), [0, 3, 1, 2]);
    const pictures = this.blocks.reduce((x, block, index) => {
      const y = block.forward(x);
      return (index + 1) % blocks === 0 && index < last ? upsampleNearest(y, 2) : y;
    }, maps);
    return this.output.forward(relu(pictures));
  }
}

/** Pixels in [−1, 1] as the model sees them, in [0.1, 0.9]: x → 0.8·x + 0.1 of x in [0, 1], as DALL-E's. */
export function discreteVaePixels(pixels: Tensor): Tensor {
  return affine(pixels, 0.4, 0.5);
}
