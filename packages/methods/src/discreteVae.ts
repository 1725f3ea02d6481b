import type { ImageBatch } from "@splitmask/augmentation";
import {
  add,
  affine,
  concatenate,
  exp,
  log,
  logSoftmax,
  mean,
  multiply,
  noGrad,
  relu,
  reshape,
  scope,
  sigmoid,
  slice,
  softmax,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  uniform,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { logitLaplaceLoss } from "@splitmask/losses";
import { type ForwardContext, Module } from "@splitmask/nn";
import {
  DiscreteVaeDecoder,
  DiscreteVaeEncoder,
  type DiscreteVaeSizes,
  DiscreteVaeTokenizer,
  discreteVaePatch,
  discreteVaePixels,
  tokenEntropy,
} from "@splitmask/tokenizer";
import type { HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";

/** What a sampler of Gumbel noise is asked for. */
export interface GumbelNoiseRequest {
  /** How many pictures. */
  readonly batch: number;
  /** N, words of a picture. */
  readonly places: number;
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** The run's seed. */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
  /** Place of the first picture in the step's batch. */
  readonly firstSample: number;
}

/** Draws noise of the Gumbel distribution: B·N×V. */
export type GumbelNoiseSampler = (device: Device, request: GumbelNoiseRequest) => Tensor;

/** Uniform numbers are from here to 1, because the logarithm of 0 is infinite. */
const leastDraw = 1e-10;

/** Draws the noise of each picture from (seed, step, place in the batch) alone: −ln(−ln u) of uniform u. */
export const sampleGumbelNoise: GumbelNoiseSampler = (device, request) => {
  const { batch, firstSample, places, seed, step, vocabularySize } = request;
  return noGrad(device, () =>
    scope(device, () => {
      const drawn = Array.from({ length: batch }, (_, sample) =>
        uniform(device, [places, vocabularySize], {
          low: leastDraw,
          key: { seed, purpose: "discreteVae.noise", step, sample: firstSample + sample },
        }),
      );
      return affine(log(affine(log(concatenate(drawn, 0)), -1, 0)), -1, 0);
    }),
  );
};

/** Options of `DiscreteVae`; the defaults are those of Ramesh et al. 2021 (arXiv 2102.12092, appendix A). */
export interface DiscreteVaeConfig extends DiscreteVaeSizes {
  /**
   * What pixels are compared with: `"logit-laplace"`, the paper's likelihood, or `"squares"`, the mean squared error.
   * Default `"logit-laplace"`.
   */
  readonly reconstruction?: "logit-laplace" | "squares";
  /** Weight of the divergence of the words from the uniform prior, reached at `divergenceShare`. Default 6.6. */
  readonly divergenceWeight?: number;
  /** Share of the run in which that weight rises from 0 along a cosine. Default 5,000 of 1,200,000 steps. */
  readonly divergenceShare?: number;
  /** τ of the Gumbel-softmax, at first and from `temperatureShare` on. Default 1 and 1/16. */
  readonly temperature?: readonly [first: number, last: number];
  /** Share of the run in which τ falls along a cosine. Default 150,000 of 1,200,000 steps. */
  readonly temperatureShare?: number;
  /** Draws the noise. Default `sampleGumbelNoise`. */
  readonly noiseSampler?: GumbelNoiseSampler;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with its defaults filled in, but for the sizes. */
export type ResolvedDiscreteVaeConfig = Required<Omit<DiscreteVaeConfig, keyof DiscreteVaeSizes>>;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If a number is out of range.
 */
export function resolveDiscreteVaeConfig(config: DiscreteVaeConfig): ResolvedDiscreteVaeConfig {
  const resolved: ResolvedDiscreteVaeConfig = {
    reconstruction: config.reconstruction ?? "logit-laplace",
    divergenceWeight: config.divergenceWeight ?? 6.6,
    divergenceShare: config.divergenceShare ?? 5_000 / 1_200_000,
    temperature: config.temperature ?? [1, 1 / 16],
    temperatureShare: config.temperatureShare ?? 150_000 / 1_200_000,
    noiseSampler: config.noiseSampler ?? sampleGumbelNoise,
    seed: config.seed ?? 0,
  };
  const { divergenceShare, divergenceWeight, reconstruction, temperature, temperatureShare } = resolved;
  const isShare = (share: number) => share > 0 && share <= 1;
  if (!(divergenceWeight >= 0 && isShare(divergenceShare) && isShare(temperatureShare))) {
    throw new RangeError(
      `DiscreteVae: divergenceWeight is ${divergenceWeight}, divergenceShare ${divergenceShare} and ` +
        `temperatureShare ${temperatureShare}; expected a weight ≥ 0 and shares in (0, 1].`,
    );
  }
  if (!temperature.every((value) => value > 0)) {
    throw new RangeError(`DiscreteVae: temperature is ${temperature.join(" to ")}; expected numbers > 0.`);
  }
  if (reconstruction !== "logit-laplace" && reconstruction !== "squares") {
    throw new RangeError(
      `DiscreteVae: reconstruction is "${reconstruction}"; expected "logit-laplace" or "squares".`,
    );
  }
  return resolved;
}

/** From `first` to `last` along a half cosine in a share of the run; then it stays. */
function cosineOf(first: number, last: number, progress: number, share: number): number {
  return last + (first - last) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress / share)));
}

/** Everything that a discrete VAE trains. Parameters: `encoder.*`, which the tokenizer keeps, and `decoder.*`. */
export class DiscreteVaeModel extends Module {
  /** Pictures to words. */
  readonly encoder: DiscreteVaeEncoder;
  /** Words to pictures. */
  readonly decoder: DiscreteVaeDecoder;

  /**
   * Draws the weights.
   *
   * @param device Where they are.
   * @param sizes Width, blocks, words.
   * @param options The channels of the decoder's output, and the seed.
   */
  constructor(
    device: Device,
    sizes: DiscreteVaeSizes,
    options: { readonly channels: number; readonly seed: number },
  ) {
    super();
    this.encoder = new DiscreteVaeEncoder(device, sizes, options);
    this.decoder = new DiscreteVaeDecoder(device, sizes, options);
  }
}

const alarms: readonly HealthAlarm[] = [
  {
    figure: "wordEntropy",
    below: 1,
    advice:
      "Nearly all patches get the same few words. Try a smaller divergence weight, a temperature that falls more " +
      "slowly, or a lower learning rate.",
  },
];

/** What a discrete VAE makes of pictures; for reports. */
export interface DiscreteVaeReconstruction {
  /** int32 B×N: the most probable words. */
  readonly words: Tensor;
  /** B×3×H×W in [−1, 1]: the pictures made of these words alone. */
  readonly pictures: Tensor;
}

/**
 * A discrete VAE (Ramesh et al. 2021, arXiv 2102.12092, appendix A): an encoder gives each 8×8 pixels probabilities of
 * V words, a decoder makes the picture of words drawn from them, relaxed by a Gumbel-softmax (arXiv 1611.01144) whose
 * temperature falls, and the probabilities are drawn to the uniform ones.
 *
 * A batch has one view, B×3×H×W in [−1, 1] with H and W multiples of 8.
 */
export class DiscreteVae implements TrainingTask<ImageBatch> {
  /** `"discrete-vae"`. */
  readonly name = "discrete-vae";
  /** What is trained and saved. */
  readonly model: DiscreteVaeModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedDiscreteVaeConfig;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  readonly #device: Device;

  /**
   * Makes encoder and decoder.
   *
   * @param device Where the model lives.
   * @param config See `DiscreteVaeConfig`.
   * @throws RangeError If an option is out of range.
   */
  constructor(device: Device, config: DiscreteVaeConfig = {}) {
    this.#device = device;
    this.config = resolveDiscreteVaeConfig(config);
    const { reconstruction, seed } = this.config;
    // Of a distribution the decoder says location and scale.
    const channels = reconstruction === "logit-laplace" ? 6 : 3;
    const { blocks, embeddingWidth, vocabularySize, width } = config;
    const sizes = Object.entries({ blocks, embeddingWidth, vocabularySize, width });
    const given = Object.fromEntries(sizes.filter(([, size]) => size !== undefined)) as DiscreteVaeSizes;
    this.model = new DiscreteVaeModel(device, given, { channels, seed });
  }

  /** The words that the encoder gives as it is now. */
  get tokenizer(): DiscreteVaeTokenizer {
    return new DiscreteVaeTokenizer(this.#device, this.model.encoder);
  }

  /**
   * Reconstruction and divergence of a batch.
   *
   * @param batch One view.
   * @param context Training or not, the seed and step that noise is drawn from, and how far the run is.
   * @returns `total`, the reconstruction loss per pixel and channel plus the weighted divergence; `parts`:
   *   `reconstruction`, and `divergence` per word in nats, without its weight.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    return scope(this.#device, () => {
      const images = this.#images(batch);
      const { divergenceShare, divergenceWeight } = this.config;
      const { progress = 0 } = context;
      const logits = this.model.encoder.forward(discreteVaePixels(images), context);
      const embeddings = this.model.decoder.embed(this.#relaxed(logits, images, context), context);
      const decoded = this.model.decoder.forward(embeddings, gridOf(images));
      const reconstruction = this.#reconstructionLoss(decoded, images);
      const divergence = uniformDivergence(logits);
      // The paper's loss is per pixel and channel, of which a word has 8·8·3.
      const weight = cosineOf(0, divergenceWeight, progress, divergenceShare) / (3 * discreteVaePatch ** 2);
      return {
        total: add(reconstruction, affine(divergence, weight, 0)),
        parts: { reconstruction, divergence },
      };
    });
  }

  /**
   * Pictures made of their most probable words. Records no graph.
   *
   * @param batch One view.
   * @param context The precision of products.
   */
  reconstruct(batch: ImageBatch, context: Pick<ForwardContext, "precision">): DiscreteVaeReconstruction {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const images = this.#images(batch);
        const words = this.tokenizer.tokenize(images, context);
        const embeddings = this.model.decoder.embed(reshape(words, [-1]), context);
        const decoded = this.model.decoder.forward(embeddings, gridOf(images));
        return { words, pictures: this.#asPixels(decoded) };
      }),
    );
  }

  /**
   * How well it goes, from a batch.
   *
   * @returns `wordEntropy` of the most probable words in bits, and `wordPerplexity`, 2 to that: as many words used
   *   equally often; `pixelError`, the root mean squared error of pixels in [−1, 1] made of these words.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { pictures, words } = this.reconstruct(batch, context);
        const wordEntropy = tokenEntropy(words, this.model.encoder.sizes.vocabularySize);
        const error = mean(square(subtract(pictures, this.#images(batch))));
        return {
          wordEntropy,
          wordPerplexity: exp(affine(wordEntropy, Math.LN2, 0)),
          pixelError: sqrt(error),
        };
      }),
    );
  }

  /** B·N×V: shares of words that get nearer to one word each as the temperature falls. */
  #relaxed(
    logits: Tensor,
    images: Tensor,
    { progress = 0, samples, seed, step, training }: ForwardContext,
  ): Tensor {
    const { noiseSampler, temperature, temperatureShare } = this.config;
    const [batch] = images.shape as readonly [number];
    const [rows, vocabularySize] = logits.shape as readonly [number, number];
    const drawn = {
      batch,
      places: rows / batch,
      vocabularySize,
      seed,
      step,
      firstSample: samples?.first ?? 0,
    };
    const noisy = training ? add(logits, noiseSampler(this.#device, drawn)) : logits;
    return softmax(affine(noisy, 1 / cosineOf(...temperature, progress, temperatureShare), 0));
  }

  #reconstructionLoss(decoded: Tensor, images: Tensor): Tensor {
    if (this.config.reconstruction === "squares") return mean(square(subtract(decoded, images)));
    const [location, logScale] = [slice(decoded, 1, 0, 3), slice(decoded, 1, 3, 6)];
    return logitLaplaceLoss(location, logScale, discreteVaePixels(images));
  }

  /** What the decoder says, in [−1, 1]. */
  #asPixels(decoded: Tensor): Tensor {
    if (this.config.reconstruction === "squares") return clamped(decoded);
    return clamped(affine(sigmoid(slice(decoded, 1, 0, 3)), 2.5, -1.25));
  }

  #images({ views }: ImageBatch): Tensor {
    const [images] = views;
    const [, channels, height, width] = images?.shape ?? [];
    if (
      images === undefined ||
      channels !== 3 ||
      height! % discreteVaePatch !== 0 ||
      width! % discreteVaePatch !== 0
    ) {
      throw new TypeError(
        `DiscreteVae: views[0] is ${images?.shape.join("×") ?? "missing"}; ` +
          `expected B×3×H×W with H and W multiples of ${discreteVaePatch}.`,
      );
    }
    return images;
  }
}

/** Rows and columns of words. */
function gridOf({ shape }: Tensor): readonly [number, number] {
  return [shape[2]! / discreteVaePatch, shape[3]! / discreteVaePatch];
}

/** The divergence of the words' probabilities from the uniform ones in nats, the mean over words: Σ q·ln q + ln V. */
function uniformDivergence(logits: Tensor): Tensor {
  const [rows, words] = logits.shape as readonly [number, number];
  const logShares = logSoftmax(logits);
  return affine(sum(multiply(exp(logShares), logShares)), 1 / rows, Math.log(words));
}

/** Numbers beyond −1 and 1 become these. */
function clamped(x: Tensor): Tensor {
  // max(−1, min(1, x)) by way of ReLU.
  return affine(relu(affine(relu(affine(x, 1, 1)), -1, 2)), -1, 1);
}
