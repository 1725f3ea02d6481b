import {
  affine,
  argmax,
  divide,
  gatherTokens,
  linear,
  mean,
  noGrad,
  RandomStream,
  reshape,
  scope,
  sqrt,
  square,
  subtract,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type Classification, classification } from "./confusion.js";
import { checkFeatures, type LabelledFeatures, uploadFeatures } from "./labelledFeatures.js";
import { fitLogisticRegression, type LogisticRegression } from "./logisticRegression.js";

/** Options of {@link linearProbe}. */
export interface LinearProbeOptions {
  /** Where it is computed. */
  readonly device: Device;
  /** The pictures that the linear layer learns from. */
  readonly train: LabelledFeatures;
  /** The pictures that it is tested on. */
  readonly test: LabelledFeatures;
  /** The penalties λ that are tried. Default 1, 0.1, 0.01, 1e-3, 1e-4. */
  readonly penalties?: readonly number[];
  /** Share of the training pictures on which λ is chosen. Default 0.2. */
  readonly heldOutShare?: number;
  /** Seed of the choice of the held-out pictures. Default 0. */
  readonly seed?: number;
  /** Most iterations of L-BFGS for one λ. Default 200. */
  readonly maximumIterations?: number;
  /** Hears of each fit: how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How a penalty did on the held-out training pictures. */
export interface TriedPenalty {
  /** λ. */
  readonly penalty: number;
  /** Share of the held-out pictures that were classified rightly. */
  readonly accuracy: number;
}

/** What {@link linearProbe} finds. */
export interface LinearProbeResult extends Classification {
  /** The λ that was chosen. */
  readonly penalty: number;
  /** Accuracy on the held-out training pictures for each λ that was tried. */
  readonly heldOut: readonly TriedPenalty[];
  /** Accuracy on the training pictures. */
  readonly trainAccuracy: number;
}

/**
 * What frozen features are worth to a linear classifier. The protocol, the same for every encoder:
 *
 * 1. each feature is standardised with the mean and the standard deviation of the training features;
 * 2. multinomial logistic regression with the penalty λ/2·‖W‖² is fitted to convergence (L-BFGS, all rows at once) on a seeded four fifths of the training
 *    pictures for each λ of a grid, and scored on the other fifth;
 * 3. the best λ (the larger of equals) is fitted on all training pictures and scored on the test pictures.
 *
 * The test pictures take part in no choice. There is no learning rate: the problem is convex.
 *
 * @throws Error when the features do not fit together.
 */
export async function linearProbe(options: LinearProbeOptions): Promise<LinearProbeResult> {
  const { device, train, test, seed = 0, heldOutShare = 0.2, maximumIterations = 200 } = options;
  const penalties = [...(options.penalties ?? [1, 0.1, 0.01, 1e-3, 1e-4])].sort((a, b) => b - a);
  const { trainRows, width, classes } = checkFeatures("linearProbe", train, test);
  if (penalties.length === 0 || penalties.some((penalty) => !(penalty > 0))) {
    throw new RangeError(
      `linearProbe: penalties is ${penalties.join(", ")}; give at least one number above 0.`,
    );
  }
  const labels = tensor(device, Int32Array.from(train.labels));
  const standardised = scope(device, () => {
    const features = uploadFeatures(device, train.features);
    const centre = mean(features, { axes: [0] });
    const deviation = sqrt(mean(square(subtract(features, centre)), { axes: [0] }));
    // A column that never changes stays 0.
    const scale = affine(deviation, 1, 1e-6);
    return {
      train: divide(subtract(features, centre), scale),
      test: divide(subtract(uploadFeatures(device, test.features), centre), scale),
    };
  });
  const fit = (features: Tensor, targets: Tensor, penalty: number, start?: LogisticRegression) =>
    fitLogisticRegression(features, targets, {
      classes,
      penalty,
      maximumIterations,
      ...(start === undefined ? {} : { start }),
    });
  const predict = async (features: Tensor, { bias, weight }: LogisticRegression): Promise<Int32Array> => {
    const predicted = scope(device, () => noGrad(device, () => argmax(linear(features, weight, bias))));
    return (await predicted.data()) as Int32Array;
  };

  const heldOut: TriedPenalty[] = [];
  const total = penalties.length + 1;
  const heldOutRows = Math.min(trainRows - 1, Math.round(trainRows * heldOutShare));
  if (penalties.length > 1 && heldOutRows > 0) {
    const order = new RandomStream({ seed, purpose: "linearProbe.heldOut" }).permutation(trainRows);
    const parts = [order.slice(heldOutRows), order.slice(0, heldOutRows)].map((rows) => ({
      features: scope(device, () => {
        const gathered = gatherTokens(standardised.train, tensor(device, rows, [1, rows.length]));
        return reshape(gathered, [rows.length, width]);
      }),
      labels: rows.map((row) => train.labels[row]!),
    }));
    const [learned, judged] = parts as [(typeof parts)[0], (typeof parts)[0]];
    const targets = tensor(device, learned.labels);
    let start: LogisticRegression | undefined;
    // From the strongest penalty to the weakest: each result is a good start for the next.
    for (const penalty of penalties) {
      start = await fit(learned.features, targets, penalty, start);
      const { accuracy } = classification(await predict(judged.features, start), judged.labels, classes);
      heldOut.push({ penalty, accuracy });
      options.onProgress?.(heldOut.length, total);
    }
  }
  const best = heldOut.reduce(
    (champion, tried) => (tried.accuracy > champion.accuracy ? tried : champion),
    heldOut[0] ?? { penalty: penalties[0]!, accuracy: 0 },
  );
  const chosen = await fit(standardised.train, labels, best.penalty);
  options.onProgress?.(total, total);
  const onTrain = classification(await predict(standardised.train, chosen), train.labels, classes);
  const onTest = classification(await predict(standardised.test, chosen), test.labels, classes);
  for (const held of [labels, chosen.weight, chosen.bias, standardised.train, standardised.test])
    held.dispose();
  return { ...onTest, penalty: best.penalty, heldOut, trainAccuracy: onTrain.accuracy };
}
