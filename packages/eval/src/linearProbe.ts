import { type Classification, classification, rankedAtOnce } from "./classification.js";
import { type FittedProbe, fitSettings, type ProbeOptions, type TriedSetting } from "./fitProbe.js";
import { checkTest, type LabelledFeatures } from "./labelledFeatures.js";
import { fitLogisticRegression, type LogisticRegression } from "./logisticRegression.js";

/** Options of {@link fitLinearProbe}. */
export interface FitLinearProbeOptions extends ProbeOptions {
  /** The penalties λ that are tried. Default 1, 0.1, 0.01, 1e-3, 1e-4, 1e-5. */
  readonly penalties?: readonly number[];
  /** Most iterations of L-BFGS for one λ. Default 2000. */
  readonly maximumIterations?: number;
}

/** Options of {@link linearProbe}. */
export interface LinearProbeOptions extends FitLinearProbeOptions {
  /** The pictures that it is tested on. */
  readonly test: LabelledFeatures;
}

/** What {@link linearProbe} finds. */
export interface LinearProbeResult extends Classification {
  /** The λ that was chosen. */
  readonly penalty: number;
  /** Accuracy on held-out training pictures for each λ that was tried. */
  readonly heldOut: readonly TriedSetting[];
  /** Accuracy on the training pictures. */
  readonly trainAccuracy: number;
  /** Whether the fit on all training pictures came to the optimum; if not, `maximumIterations` were too few. */
  readonly converged: boolean;
}

/**
 * What frozen features are worth to a linear classifier. The protocol, the same for every encoder:
 *
 * 1. each feature is standardized with the mean and the standard deviation of the training features;
 * 2. multinomial logistic regression with the penalty λ/2·‖W‖² is fitted until no element of the gradient is above 1e-6
 * (L-BFGS, all rows at once) for each λ of a grid on class-balanced four fifths of the training pictures,
 *    and scored on the other fifth (below 2,000 pictures on each fifth in turn);
 * 3. the best λ (the larger of equals) is fitted on all training pictures and scored on the test pictures.
 *
 * The test pictures take part in no choice. There is no learning rate: the problem is convex.
 *
 * @throws Error when the features do not fit together.
 */
export async function linearProbe(options: LinearProbeOptions): Promise<LinearProbeResult> {
  const { test, train } = options;
  checkTest("linearProbe", train, test);
  const { chosen, classifier, converged, heldOut, trainAccuracy } = await fitLinearProbe(options);
  const ranked = await classifier.rank(test.features, rankedAtOnce(classifier.classes));
  classifier.dispose();
  return {
    ...classification(ranked, test.labels, classifier.classes),
    penalty: chosen,
    heldOut,
    trainAccuracy,
    converged: converged === true,
  };
}

/**
 * Fits what {@link linearProbe} tests, for use on pictures without labels.
 *
 * @throws Error when the features do not fit together, or a penalty is not positive.
 */
export async function fitLinearProbe(options: FitLinearProbeOptions): Promise<FittedProbe> {
  const { maximumIterations } = options;
  const penalties = [...(options.penalties ?? [1, 0.1, 0.01, 1e-3, 1e-4, 1e-5])].sort((a, b) => b - a);
  if (penalties.length === 0 || penalties.some((penalty) => !(penalty > 0))) {
    throw new RangeError(
      `linearProbe: penalties is ${penalties.join(", ")}; give at least one number above 0.`,
    );
  }
  const { probes, best } = await fitSettings(
    "linearProbe",
    options,
    {
      settings: penalties,
      advances: (settings) => settings,
      fit: async ({ features, labels }, settings, classes, advance) => {
        const fitted: LogisticRegression[] = [];
        // From the strongest penalty to the weakest: each result is a good start for the next.
        for (const penalty of settings) {
          const start = fitted.at(-1);
          fitted.push(
            await fitLogisticRegression(features, labels, {
              ...{ classes, penalty },
              ...(maximumIterations === undefined ? {} : { maximumIterations }),
              ...(start === undefined ? {} : { start }),
            }),
          );
          advance();
        }
        return fitted;
      },
    },
    false,
  );
  return probes[best]!;
}
