import type { ProductPrecision } from "@splitmask/autograd";
import type { SourceConfig } from "./sourceFields.js";

/**
 * What a configuration file (or `defineConfig`) may hold; every field is optional, and what is not given is chosen from
 * the pictures.
 */
export interface Config extends SourceConfig {
  /** Encoder size by name: tiny 192×12×3, small 384×12×6, base 768×12×12 (width × depth × heads). */
  readonly model?: "tiny" | "small" | "base" | undefined;
  /** Width of the encoder's tokens; instead of model. */
  readonly width?: number | undefined;
  /** Number of encoder blocks; instead of model. */
  readonly depth?: number | undefined;
  /** Attention heads; width must be a multiple; instead of model. */
  readonly heads?: number | undefined;
  /** Side of the square crop that the encoder sees, in pixels. */
  readonly imageSize?: number | undefined;
  /** Side of a patch in pixels; imageSize must be a multiple. */
  readonly patch?: number | undefined;
  /** Number of decoder blocks (the paper: 2). */
  readonly decoderDepth?: number | undefined;
  /** Stochastic depth of the encoder's last block, 0 to 1. */
  readonly dropPath?: number | undefined;
  /** Initial layer scale; none when not given. */
  readonly layerScale?: number | undefined;
  /** Where the visual words come from. */
  readonly tokenizer?: "random-projection" | "random-patches" | "k-means" | undefined;
  /** Number of visual words (the paper: 8192). */
  readonly vocabulary?: number | undefined;
  /** Patches collected to fit random-patches or k-means; also the examples that reports draw. */
  readonly tokenizerPatches?: number | undefined;
  /** block: BEiT's blocks, half and half; uniform: two random quarters that each predict the rest. */
  readonly mask?: "block" | "uniform" | undefined;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale?: number | undefined;
  /** Probability of a horizontal flip. */
  readonly flip?: number | undefined;
  /**
   * crop: crop and flip; color: also colour jitter, grey, blur and solarisation, as the paper for its smallest sets,
   * and what fewer than 5,000 pictures get.
   */
  readonly augmentation?: "crop" | "color" | undefined;
  /** Probability of the colour jitter. */
  readonly colorJitter?: number | undefined;
  /** Strength of the colour jitter: 1 is brightness and contrast ±0.4, saturation ±0.2, hue ±0.1. */
  readonly jitterStrength?: number | undefined;
  /** Probability that a picture becomes grey. */
  readonly grayscale?: number | undefined;
  /** Probability of the Gaussian blur. */
  readonly blur?: number | undefined;
  /** Probability of the solarisation. */
  readonly solarize?: number | undefined;
  /** Mean of red, green and blue in 0…1; measured when not given. */
  readonly mean?: readonly [number, number, number] | undefined;
  /** Standard deviation of red, green and blue in 0…1; measured when not given. */
  readonly std?: readonly [number, number, number] | undefined;
  /** Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index a line. */
  readonly subset?: string | undefined;
  /** Use only so many pictures of every class folder. */
  readonly perClass?: number | undefined;
  /** Largest share of pictures that may be unreadable before the run stops, 0 to 1. */
  readonly maximumSkipped?: number | undefined;
  /** Pictures a step. */
  readonly batch?: number | undefined;
  /**
   * In how many micro-batches a batch is gone through: the same step with less memory; the batch must be a multiple.
   */
  readonly accumulate?: number | undefined;
  /** Training steps; instead of epochs or time. */
  readonly steps?: number | undefined;
  /** Passes over the pictures; instead of steps or time. */
  readonly epochs?: number | undefined;
  /**
   * How long the whole run may take, such as "90s", "20m", "1h30m"; what is not given is planned for it; instead of
   * steps or epochs.
   */
  readonly time?: string | undefined;
  /** Peak learning rate of AdamW. */
  readonly learningRate?: number | undefined;
  /** Learning rate at the end of a cosine or a line. */
  readonly minimumLearningRate?: number | undefined;
  /** Steps of linear warm-up. */
  readonly warmup?: number | undefined;
  /**
   * How the learning rate falls after the warm-up: along a cosine or a line, in stairs of equal length (decayEvery) or
   * at milestones, or not at all; cosine when not given.
   */
  readonly schedule?: "cosine" | "linear" | "step" | "multi-step" | "constant" | undefined;
  /** Steps between two stairs of the schedule "step". */
  readonly decayEvery?: number | undefined;
  /** Steps after which the learning rate falls in the schedule "multi-step". */
  readonly milestones?: readonly number[] | undefined;
  /** What the learning rate is multiplied with at a stair; 0.1 when not given. */
  readonly decayFactor?: number | undefined;
  /** What changes the weights; adamw when not given. The others need a learning rate. */
  readonly optimizer?: "adamw" | "sgd" | "lars" | undefined;
  /** Momentum of sgd and lars; 0.9 when not given. */
  readonly momentum?: number | undefined;
  /** Weight decay (none on biases, norms, positions and tokens); 0.05 for adamw and 0 for the others when not given. */
  readonly weightDecay?: number | undefined;
  /** Weight decay at the last step, to which it moves along a cosine; it stays when not given. */
  readonly weightDecayEnd?: number | undefined;
  /**
   * Each layer's learning rate is so much of the next one's (BEiT's fine-tuning: 0.65); 1, all the same, when not
   * given.
   */
  readonly layerDecay?: number | undefined;
  /** Parameters that stay as they are: names in which * stands for any characters, such as "encoder.patch_embed.*". */
  readonly freeze?: readonly string[] | undefined;
  /** Largest norm of the gradient. */
  readonly clip?: number | undefined;
  /** Whether that norm is of all gradients together or of each tensor by itself. */
  readonly clipMode?: "global" | "tensor" | undefined;
  /** Decay of a moving average of the weights, which then is what is evaluated and exported; none when not given. */
  readonly ema?: number | undefined;
  /** Temperature of the match loss (the paper: 0.2). */
  readonly temperature?: number | undefined;
  /** Weight of the inpaint loss. */
  readonly inpaintWeight?: number | undefined;
  /** Weight of the match loss. */
  readonly matchWeight?: number | undefined;
  /** Negatives of the match loss: the other branch of the other pictures, or both branches. */
  readonly negatives?: "other" | "both" | undefined;
  /** Number format of the large products. */
  readonly precision?: ProductPrecision | undefined;
  /** Keep only the input of each transformer block and run it again in the backward pass. */
  readonly recompute?: boolean | undefined;
  /**
   * Keep decoded pictures on disk, shared by all runs: auto where they do not fit into memory and the run passes over
   * them more than twice, or where they are there already.
   */
  readonly cache?: "auto" | "on" | "off" | undefined;
  /** Folder of the caches; SPLITMASK_CACHE or ~/.cache/splitmask when not given. */
  readonly cacheFolder?: string | undefined;
  /** Seed of all randomness. */
  readonly seed?: number | undefined;
  /** Threads of the computation; all cores when not given. */
  readonly threads?: number | undefined;
  /** Steps between checkpoints. */
  readonly checkpointEvery?: number | undefined;
  /** How many of the latest checkpoints stay, besides the one with the lowest loss; 2 when not given. */
  readonly keepCheckpoints?: number | undefined;
  /**
   * Steps between two looks at the descriptors and the predicted words, which warn of a collapse; 0: none; 50 when not
   * given.
   */
  readonly healthEvery?: number | undefined;
  /**
   * Labelled pictures that the encoder is looked at with while it trains: its k-NN accuracy is a curve beside the
   * losses, and its best checkpoint is kept. Some are held out to test with.
   */
  readonly monitor?: string | undefined;
  /** Labelled pictures with the same classes that are classified instead of held out ones. */
  readonly monitorTest?: string | undefined;
  /** Steps between two looks; a tenth of the steps when not given. */
  readonly monitorEvery?: number | undefined;
  /** Largest number of pictures of a look: two thirds vote, one third is classified; 3000 when not given. */
  readonly monitorPictures?: number | undefined;
  /**
   * What happens when the loss or a gradient is NaN or infinite: stop; skip the step; or go back to the last checkpoint
   * and on with half the learning rate; stop when not given.
   */
  readonly onNan?: "stop" | "skip" | "rollback" | undefined;
}

/** The name of a configuration field. */
export type ConfigField = keyof Config;

/**
 * Types a configuration module: `export default defineConfig({ imageSize: 64, patch: 8 })`.
 *
 * @param config The fields that differ from the chosen defaults.
 * @returns The same object.
 */
export function defineConfig(config: Config): Config {
  return config;
}
