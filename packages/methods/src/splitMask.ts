import type { ImageBatch } from "@splitmask/augmentation";
import {
  add,
  affine,
  concatenate,
  gatherIntegers,
  gatherTokens,
  mean,
  noGrad,
  scope,
  slice,
  type Tensor,
} from "@splitmask/autograd";
import { InpaintingDecoder } from "@splitmask/decoder";
import type { Device } from "@splitmask/kernels";
import { inpaintLossFromTokens, matchLoss } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import type {
  CrossSampleLoss,
  EmbeddedSamples,
  HealthAlarm,
  TaskLoss,
  TrainingTask,
} from "@splitmask/trainer";
import { type ResolvedSplitMaskConfig, resolveSplitMaskConfig, type SplitMaskConfig } from "./config.js";
import { DescriptorProjection } from "./descriptorProjection.js";
import { descriptorSpread } from "./descriptorSpread.js";
import { givenEncoder } from "./encoderSettings.js";
import {
  type BranchPrediction,
  encoderAndTokenizerViews,
  mostProbableWords,
  varietyAlarm,
  withPreparedWords,
  wordsOf,
  wordVariety,
} from "./hiddenWords.js";
import { SplitMaskModel } from "./splitMaskModel.js";
import {
  type BranchGroup,
  type ResolvedPatchSplitOptions,
  resolvePatchSplitOptions,
  type Splits,
} from "./splits.js";

const alarms: readonly HealthAlarm[] = [
  {
    figure: "descriptorVariance",
    below: 0.05,
    advice:
      "The descriptors of all pictures are nearly the same: the encoder tells pictures apart no more. " +
      "Try a lower learning rate, a longer warm-up, a larger batch (more negatives), " +
      "or a higher weight of the match loss.",
  },
  {
    figure: "effectiveRank",
    below: 1.5,
    advice:
      "The descriptors lie on a line: they hold one single feature of the pictures. Try a larger batch " +
      "(more negatives), a lower learning rate, or a lower temperature of the match loss.",
  },
  varietyAlarm,
];

/** What a group of branches makes of its visible patches. */
interface BranchOutputs {
  readonly group: BranchGroup;
  /** (branches·B)×(N−K)×D: decoder outputs at hidden places. */
  readonly hiddenTokens: Tensor;
  /** (branches·B)×D: mean of all decoder outputs, visible and hidden. */
  readonly descriptors: Tensor;
}

/** The same with what should have been predicted. */
interface TargetedOutputs extends BranchOutputs {
  /** int32 (branches·B)×(N−K): the tokenizer's words at the hidden places. */
  readonly targets: Tensor;
}

/** Some pictures after the forward pass. */
interface EmbeddedPictures extends EmbeddedSamples {
  /** The inpaint loss. */
  ownLoss(): TaskLoss;
}

/**
 * SplitMask (El-Nouby et al. 2021, arXiv 2112.10740): the patches of a picture are split in two sets; one encoder sees
 * each set by itself; a shallow decoder completes each with mask tokens and predicts the visual words of the hidden
 * patches (inpaint); and the two branches' mean outputs should find each other in the batch (match).
 *
 * A batch has two views of the same crop: `views[0]` for the encoder, B×3×S×S, and `views[1]` for the tokenizer, in
 * [−1, 1] and `grid × tokenizer.patchSize` pixels a side.
 */
export class SplitMask implements TrainingTask<ImageBatch> {
  /** `"splitmask"`. */
  readonly name = "splitmask";
  /** What is trained and saved. */
  readonly model: SplitMaskModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedSplitMaskConfig;
  /** How patches are split, with every number filled in. */
  readonly split: ResolvedPatchSplitOptions;
  /** The match loss, by which a batch can be gone through in micro-batches; null where its weight is 0. */
  readonly crossSampleLoss: CrossSampleLoss<ImageBatch> | null;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  readonly #device: Device;

  /**
   * Makes encoder (unless one is given), decoder and projection.
   *
   * @param device Where the model lives.
   * @param config See `SplitMaskConfig`.
   * @throws RangeError If an option is out of range or does not fit the encoder's grid.
   */
  constructor(device: Device, config: SplitMaskConfig) {
    this.#device = device;
    this.config = resolveSplitMaskConfig(config);
    const { seed, projection, tokenizer } = this.config;
    const encoder = givenEncoder(device, config.encoder, { dropPath: 0.1 }, { seed });
    const { width, heads, mlpRatio, layerScale, qkvBias, epsilon } = encoder.config;
    const [rows, columns] = encoder.grid;
    this.split = resolvePatchSplitOptions(config.split ?? {}, encoder.grid);
    const decoder = new InpaintingDecoder(
      device,
      {
        heads,
        mlpRatio,
        layerScale,
        ...config.decoder,
        width,
        qkvBias,
        epsilon,
        patches: rows * columns,
        outFeatures: tokenizer.vocabularySize,
      },
      { seed },
    );
    const head =
      projection === null ? null : new DescriptorProjection(device, { width, ...projection, seed });
    this.model = new SplitMaskModel(encoder, decoder, head);
    this.crossSampleLoss =
      this.config.matchWeight === 0
        ? null
        : {
            embed: (batch, context) => this.#embed(batch, context),
            loss: (descriptors) => this.#match(descriptors),
          };
  }

  /** What the tokenizer takes for a picture apart from the device, in seconds. */
  get secondsToPrepare(): number {
    const [rows, columns] = this.model.encoder.grid;
    return rows * columns * (this.config.tokenizer.secondsPerWord ?? 0);
  }

  /** Puts words in the place of the tokenizer's view, where the tokenizer cannot be asked within a step. */
  prepare(batch: ImageBatch): Promise<ImageBatch> {
    return withPreparedWords(batch, this.config.tokenizer);
  }

  /**
   * The weighted sum of both losses for a batch, and each by itself.
   *
   * @param batch Two views of the same crops.
   * @param context Training or not, and the seed and step that splits and drop path are drawn from.
   * @returns `total`, and `parts` `inpaint` and (unless its weight is 0) `match`, unweighted.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    const { descriptors, ownLoss } = this.#embed(batch, context);
    const own = ownLoss();
    if (this.crossSampleLoss === null) return own;
    const across = this.#match(descriptors);
    return { total: add(own.total, across.total), parts: { ...own.parts, ...across.parts } };
  }

  /**
   * What each branch predicts for the patches that it did not see, for reports. Records no graph.
   *
   * @param batch Two views of the same crops.
   * @param context Seed and step choose the splits; `training` should be false.
   * @returns The first and the second branch.
   */
  predictWords(batch: ImageBatch, context: ForwardContext): readonly [BranchPrediction, BranchPrediction] {
    const branches = noGrad(this.#device, () =>
      scope(this.#device, () =>
        this.#withTargets(batch, this.#run(batch, context), context).flatMap((outputs) =>
          this.#predict(outputs, context),
        ),
      ),
    );
    return branches as unknown as readonly [BranchPrediction, BranchPrediction];
  }

  /** The most probable words of each branch of a group. */
  #predict({ group, hiddenTokens, targets }: TargetedOutputs, context: ForwardContext): BranchPrediction[] {
    const predicted = mostProbableWords(hiddenTokens, this.model.decoder.head, context);
    const pictures = predicted.shape[0]! / group.branches;
    return Array.from({ length: group.branches }, (_, branch) => {
      const own = (all: Tensor) => slice(all, 0, branch * pictures, (branch + 1) * pictures);
      return {
        visible: own(group.visible),
        hidden: own(group.hidden),
        predicted: own(predicted),
        targets: own(targets),
      };
    });
  }

  /**
   * How well it goes, from the first branch of a batch.
   *
   * @returns `descriptorVariance` and `effectiveRank` of what is matched (see `descriptorSpread`), `tokenEntropy` of
   *   the predicted words in bits, `targetEntropy` of the tokenizer's words at the same places, and
   *   `tokenEntropyShare`, the first by the second.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const outputs = this.#run(batch, context);
        const targeted = this.#withTargets(batch, outputs, context);
        const { predicted, targets } = this.#predict(targeted[0]!, context)[0]!;
        const { effectiveRank, variance } = descriptorSpread(this.#describe(outputs)[0]!);
        const { vocabularySize } = this.config.tokenizer;
        return {
          descriptorVariance: variance,
          effectiveRank,
          ...wordVariety(predicted, targets, vocabularySize),
        };
      }),
    );
  }

  /** Both branches through encoder and decoder. */
  #run(batch: ImageBatch, context: ForwardContext): BranchOutputs[] {
    const [images] = encoderAndTokenizerViews("SplitMask", batch, this.model.encoder);
    const splits: Splits = this.config.splitSampler(this.#device, {
      batch: images.shape[0]!,
      split: this.split,
      seed: context.seed,
      step: context.step,
      firstSample: context.samples?.first ?? 0,
    });
    return splits.map((group) => scope(this.#device, () => this.#runGroup(group, images, context)));
  }

  #runGroup(group: BranchGroup, images: Tensor, context: ForwardContext): BranchOutputs {
    const { encoder, decoder } = this.model;
    const { visible, hidden } = group;
    const seen = encoder.encodeTokens(images, visible, context);
    const completed = decoder.forward(
      {
        ...{ tokens: seen, visible, hidden },
        // A decoder with positions of its own wants none, and the encoder may have none.
        ...(decoder.pos_embed === null ? { positions: encoder.patchPositions() } : {}),
      },
      context,
    );
    const [, length] = completed.shape as readonly [number, number, number];
    const patches = this.split.rows * this.split.columns;
    // A class token takes part in the attention only.
    const tokens = length === patches ? completed : slice(completed, 1, length - patches, length);
    return { group, hiddenTokens: gatherTokens(tokens, hidden), descriptors: mean(tokens, { axes: [1] }) };
  }

  /** Adds the tokenizer's words at the hidden places; not wanted where a batch is only described. */
  #withTargets(
    batch: ImageBatch,
    outputs: readonly BranchOutputs[],
    context: ForwardContext,
  ): TargetedOutputs[] {
    const words = wordsOf("SplitMask", batch, this.config.tokenizer, this.model.encoder, context);
    return outputs.map((branches) => {
      const repeated = concatenate(Array(branches.group.branches).fill(words), 0);
      return { ...branches, targets: gatherIntegers(repeated, branches.group.hidden) };
    });
  }

  #inpaint(outputs: readonly TargetedOutputs[], { precision }: ForwardContext): Tensor {
    const { inpaintAverage, smoothing } = this.config;
    const { weight, bias } = this.model.decoder.head;
    const all = outputs.reduce((count, { targets }) => count + targets.size, 0);
    const terms = outputs.map(({ group, hiddenTokens, targets }) => {
      const share = inpaintAverage === "patches" ? targets.size / all : group.branches / 2;
      const loss = inpaintLossFromTokens(hiddenTokens, weight, bias, targets, { smoothing, precision });
      return share === 1 ? loss : affine(loss, share, 0);
    });
    return terms.reduce((sum, term) => add(sum, term));
  }

  /** The descriptors of both branches, and the inpaint loss. */
  #embed(batch: ImageBatch, context: ForwardContext): EmbeddedPictures {
    const outputs = this.#run(batch, context);
    return {
      descriptors: this.crossSampleLoss === null ? [] : this.#describe(outputs),
      ownLoss: () => {
        const inpaint = this.#inpaint(this.#withTargets(batch, outputs, context), context);
        return { total: affine(inpaint, this.config.inpaintWeight, 0), parts: { inpaint } };
      },
    };
  }

  /** What is matched: B×D (or the projection's width) of the first branch and of the second. */
  #describe(outputs: readonly BranchOutputs[]): Tensor[] {
    return outputs.flatMap(({ group, descriptors }) => {
      const projected = this.model.projection?.forward(descriptors) ?? descriptors;
      const pictures = projected.shape[0]! / group.branches;
      return Array.from({ length: group.branches }, (_, branch) =>
        group.branches === 1 ? projected : slice(projected, 0, branch * pictures, (branch + 1) * pictures),
      );
    });
  }

  #match(descriptors: readonly Tensor[]): TaskLoss {
    const { matchWeight, temperature, normalizeDescriptors, negatives } = this.config;
    const match = matchLoss(descriptors[0]!, descriptors[1]!, {
      temperature,
      normalize: normalizeDescriptors,
      negatives,
    });
    return { total: affine(match, matchWeight, 0), parts: { match } };
  }
}
