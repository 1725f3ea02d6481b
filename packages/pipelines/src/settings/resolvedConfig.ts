import type { ProductPrecision } from "@splitmask/autograd";
import type { Settled, SourceConfig } from "./sourceFields.js";

/** A configuration with every field decided; it is what `config.json` of a run folder holds. */
export interface ResolvedConfig extends Settled<SourceConfig> {
  /** Width of the tokens. */
  readonly width: number;
  /** Encoder blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Side of the crop in pixels. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Decoder blocks. */
  readonly decoderDepth: number;
  /** Stochastic depth of the encoder's last block. */
  readonly dropPath: number;
  /** Initial layer scale; null: none. */
  readonly layerScale: number | null;
  /** Where the visual words come from. */
  readonly tokenizer: "random-projection" | "random-patches" | "k-means";
  /** Number of visual words. */
  readonly vocabulary: number;
  /** Patches that random-patches and k-means are fitted to. */
  readonly tokenizerPatches: number;
  /** How patches are split. */
  readonly mask: "block" | "uniform";
  /** Smallest area of a crop. */
  readonly cropScale: number;
  /** Probability of a flip. */
  readonly flip: number;
  /** Probability of the colour jitter. */
  readonly colorJitter: number;
  /** Strength of the colour jitter. */
  readonly jitterStrength: number;
  /** Probability of grey. */
  readonly grayscale: number;
  /** Probability of the blur. */
  readonly blur: number;
  /** Probability of the solarisation. */
  readonly solarize: number;
  /** Null: measured on a sample of the pictures. */
  readonly mean: readonly [number, number, number] | null;
  /** Null: measured on a sample of the pictures. */
  readonly std: readonly [number, number, number] | null;
  /** Which pictures are used: a share, a number, or a file of indices; null: all. */
  readonly subset: string | null;
  /** So many pictures of every class; null: all. */
  readonly perClass: number | null;
  /** Largest share of unreadable pictures. */
  readonly maximumSkipped: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Micro-batches a batch. */
  readonly accumulate: number;
  /** Training steps; null where `seconds` says how long to train and the speed is not known yet. */
  readonly steps: number | null;
  /** How long to train, in seconds; null where `steps` is given. */
  readonly seconds: number | null;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** How the learning rate falls after the warm-up. */
  readonly schedule: "cosine" | "linear" | "step" | "multi-step" | "constant";
  /** Steps between two stairs; null but for the schedule "step". */
  readonly decayEvery: number | null;
  /** Steps after which the rate falls; null but for the schedule "multi-step". */
  readonly milestones: readonly number[] | null;
  /** What the rate is multiplied with at a stair. */
  readonly decayFactor: number;
  /** What changes the weights. */
  readonly optimizer: "adamw" | "sgd" | "lars";
  /** Momentum of sgd and lars. */
  readonly momentum: number;
  /** Learning rate at the end of a cosine or a line. */
  readonly minimumLearningRate: number;
  /** Warm-up steps; null: a twentieth of the steps, once these are known. */
  readonly warmup: number | null;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Weight decay at the last step; null: it stays. */
  readonly weightDecayEnd: number | null;
  /** Each layer's learning rate over the next one's. */
  readonly layerDecay: number;
  /** Names of parameters that stay as they are. */
  readonly freeze: readonly string[];
  /** Largest gradient norm. */
  readonly clip: number;
  /** What the norm is taken of. */
  readonly clipMode: "global" | "tensor";
  /** Decay of the moving average of the weights; null: none. */
  readonly ema: number | null;
  /** Temperature of the match loss. */
  readonly temperature: number;
  /** Weight of the inpaint loss. */
  readonly inpaintWeight: number;
  /** Weight of the match loss. */
  readonly matchWeight: number;
  /** Negatives of the match loss. */
  readonly negatives: "other" | "both";
  /** Number format of the large products. */
  readonly precision: ProductPrecision;
  /** Whether transformer blocks run once more in the backward pass, to save memory. */
  readonly recompute: boolean;
  /** Whether decoded pictures are kept on disk. */
  readonly cache: "auto" | "on" | "off";
  /** Folder of the caches; null: the default. */
  readonly cacheFolder: string | null;
  /** Seed of all randomness. */
  readonly seed: number;
  /** Null: all cores. */
  readonly threads: number | null;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** How many of the latest checkpoints stay. */
  readonly keepCheckpoints: number;
  /** Steps between two looks at the health figures; 0: none. */
  readonly healthEvery: number;
  /** Labelled pictures that the encoder is looked at with while it trains; null: none. */
  readonly monitor: string | null;
  /** Those that are classified; null: some are held out. */
  readonly monitorTest: string | null;
  /** Steps between two looks. */
  readonly monitorEvery: number;
  /** Largest number of pictures of a look. */
  readonly monitorPictures: number;
  /** What happens when the loss or a gradient is not finite. */
  readonly onNan: "stop" | "skip" | "rollback";
}
