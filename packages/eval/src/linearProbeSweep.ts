import { type Classification, classification, rankedAtOnce } from "./classification.js";
import { type FittedProbe, fitSettings, type ProbeOptions } from "./fitProbe.js";
import { checkTest, type LabelledFeatures } from "./labelledFeatures.js";
import { type LinearHeadsOptions, trainLinearHeads } from "./linearHeads.js";

/** Options of {@link fitLinearProbeSweep}. */
export interface FitLinearProbeSweepOptions
  extends ProbeOptions,
    Pick<
      LinearHeadsOptions,
      "optimizer" | "momentum" | "weightDecay" | "epochs" | "warmupEpochs" | "batchSize"
    > {
  /**
   * The learning rates that are tried, one head each. Default 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3 for SGD, 0.1,
   * 0.3, 1, 3, 10, 30 for LARS.
   */
  readonly learningRates?: readonly number[];
}

/** Options of {@link linearProbeSweep}. */
export interface LinearProbeSweepOptions extends FitLinearProbeSweepOptions {
  /** The pictures that it is tested on. */
  readonly test: LabelledFeatures;
}

/** How a learning rate did. */
export interface SweptRate {
  /** The learning rate at the start of the cosine. */
  readonly learningRate: number;
  /**
   * Share of the held-out training pictures that were classified rightly: what the choice goes by; null with one
   * learning rate, where nothing is held out.
   */
  readonly heldOutAccuracy: number | null;
  /**
   * Accuracy on the test pictures after training on all training pictures, 0 where that ran away. It takes part in no
   * choice.
   */
  readonly accuracy: number;
}

/** What {@link linearProbeSweep} finds: the classification is that of the chosen learning rate. */
export interface LinearProbeSweepResult extends Classification {
  /** The learning rate that was chosen. */
  readonly learningRate: number;
  /** Every learning rate, rising. */
  readonly rates: readonly SweptRate[];
  /** Accuracy on the training pictures. */
  readonly trainAccuracy: number;
}

const defaultRates = {
  sgd: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
  lars: [0.1, 0.3, 1, 3, 10, 30],
};

/**
 * The linear evaluation of MoCo v3, MAE, DINO and BEiT on cached features: a linear layer trained by SGD with momentum
 * (or LARS) and a cosine, no weight decay, with a sweep of learning rates of
 * which all are trained at once. Features are standardized (MAE's batch norm without affine, with the statistics of all
 * training features). The best rate on held-out class-balanced fifths of the
 * training pictures (the smaller of equals) is the result; the heads are then trained on all of them. Unlike in the
 * papers a picture is always the same features: no random crops and flips.
 *
 * @throws Error when the features do not fit together, or a learning rate is not positive.
 */
export async function linearProbeSweep(options: LinearProbeSweepOptions): Promise<LinearProbeSweepResult> {
  const { test, train } = options;
  checkTest("linearProbeSweep", train, test);
  const { best, probes } = await sweep(options, true);
  const { chosen, heldOut, trainAccuracy } = probes[best]!;
  const results: (Classification | null)[] = [];
  for (const { classifier, diverged } of probes) {
    const { classes } = classifier;
    const ranked = diverged ? null : await classifier.rank(test.features, rankedAtOnce(classes));
    results.push(ranked && classification(ranked, test.labels, classes));
    classifier.dispose();
  }
  const rates = probes.map((probe, place) => ({
    learningRate: probe.chosen,
    heldOutAccuracy: heldOut[place]?.accuracy ?? null,
    accuracy: results[place]?.accuracy ?? 0,
  }));
  return { ...results[best]!, learningRate: chosen, rates, trainAccuracy };
}

/**
 * Fits what {@link linearProbeSweep} tests, with the chosen learning rate alone, for use on pictures without labels.
 *
 * @throws Error when the features do not fit together, or a learning rate is not positive.
 */
export async function fitLinearProbeSweep(options: FitLinearProbeSweepOptions): Promise<FittedProbe> {
  const { best, probes } = await sweep(options, false);
  return probes[best]!;
}

function sweep(options: FitLinearProbeSweepOptions, all: boolean) {
  const { optimizer = "sgd", seed = 0, epochs = 100 } = options;
  const rates = [...(options.learningRates ?? defaultRates[optimizer])].sort((a, b) => a - b);
  const { batchSize, momentum, warmupEpochs, weightDecay } = options;
  const settings = { batchSize, momentum, warmupEpochs, weightDecay };
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return fitSettings(
    "linearProbeSweep",
    options,
    {
      settings: rates,
      advances: () => epochs,
      fit: ({ features, labels }, learningRates, classes, advance) =>
        trainLinearHeads(features, labels, {
          ...given,
          ...{ classes, learningRates, optimizer, seed, epochs, onProgress: advance },
        }),
    },
    all,
  );
}
