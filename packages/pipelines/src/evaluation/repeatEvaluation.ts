import {
  type AccuracyInterval,
  type Classification,
  type ConfusedPair,
  knnAccuracy,
  type LabelledFeatures,
  linearProbe,
  linearProbeSweep,
  mostConfused,
  type SweptRate,
  selectRows,
  summarizeAccuracies,
  summarizeConfusion,
} from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";

/** The evaluations of one encoder that were asked for. */
export type EvaluationKind = "knn" | "probe";

/** How the linear probe is trained, and with what. */
export interface ProbeSettings {
  /**
   * `"lbfgs"` (default): logistic regression to convergence, penalty chosen on held-out training pictures; `"sgd"` and
   * `"lars"`: a sweep of learning rates.
   */
  readonly optimizer?: "lbfgs" | "sgd" | "lars";
  /** The sweep. Default: see `linearProbeSweep` of `@splitmask/eval`. */
  readonly learningRates?: readonly number[];
  /** Epochs of the sweep. Default 100. */
  readonly epochs?: number;
  /** Training pictures a step of the sweep. Default 256. */
  readonly probeBatch?: number;
}

/** Pictures of one class that were taken for another; counts are those of all seeds. */
export interface NamedConfusion extends Pick<ConfusedPair, "count" | "share"> {
  /** The true class. */
  readonly label: string;
  /** What they were taken for. */
  readonly predicted: string;
}

/** What was chosen and found with one seed. */
export interface SeedEvaluation extends Pick<RepeatedEvaluation, "accuracy" | "penalty" | "learningRate"> {
  /** The seed of the draw of labels, of the held-out pictures and of an optimizer's order. */
  readonly seed: number;
}

/** An evaluation with one seed or several. */
export interface RepeatedEvaluation {
  /** Share of the test pictures that were classified rightly. */
  readonly accuracy: number;
  /**
   * 95 % confidence: Wilson's interval from the number of test pictures with one seed, Student's of the mean over seeds
   * with several.
   */
  readonly interval: AccuracyInterval;
  /** Standard deviation over the seeds, where there are several. */
  readonly standardDeviation?: number;
  /** Each seed, where there are several. */
  readonly seeds?: readonly SeedEvaluation[];
  /** Share of the test pictures whose class is among the five likeliest; null with no more than five classes. */
  readonly top5Accuracy: number | null;
  /** Accuracy by class name; null without test pictures. */
  readonly perClass: Readonly<Record<string, number | null>>;
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p, over all seeds. */
  readonly confusion: readonly (readonly number[])[];
  /** The most frequent confusions, the largest share of a class first. */
  readonly mostConfused: readonly NamedConfusion[];
  /** Neighbors that voted (k-NN only). */
  readonly k?: number;
  /** Temperature of the vote (k-NN only). */
  readonly temperature?: number;
  /** How the linear layer was trained (probe only). */
  readonly optimizer?: "lbfgs" | "sgd" | "lars";
  /** The penalty that was chosen (probe by L-BFGS with one seed). */
  readonly penalty?: number;
  /** The learning rate that was chosen (probe by SGD or LARS with one seed). */
  readonly learningRate?: number;
  /** Every learning rate of the sweep (probe by SGD or LARS). */
  readonly learningRates?: readonly SweptRate[];
  /** Accuracy on the training pictures (probe only). */
  readonly trainAccuracy?: number;
  /** Whether every fit on all training pictures came to its optimum (probe by L-BFGS only). */
  readonly converged?: boolean;
}

/** What is evaluated. */
interface RepeatRequest {
  readonly kind: EvaluationKind;
  readonly device: Device;
  /** All training pictures that some draw takes. */
  readonly train: LabelledFeatures;
  readonly test: LabelledFeatures;
  /** One for each seed; rows null: all. */
  readonly draws: readonly { readonly seed: number; readonly rows: Int32Array | null }[];
  readonly settings: ProbeSettings & { readonly k?: number; readonly temperature?: number };
}

/** One seed's classification with what belongs to its kind. */
interface Outcome
  extends Classification,
    Pick<
      RepeatedEvaluation,
      "k" | "temperature" | "penalty" | "learningRate" | "trainAccuracy" | "converged"
    > {
  readonly rates?: readonly SweptRate[];
}

/** Evaluates embeddings once for each draw of labels. */
export async function repeatEvaluation(
  request: RepeatRequest,
  progress: (text: string) => void,
): Promise<RepeatedEvaluation> {
  const { kind, draws, settings } = request;
  const outcomes: Outcome[] = [];
  for (const [place, { seed, rows }] of draws.entries()) {
    const train = rows === null ? request.train : selectRows(request.train, rows);
    const which = draws.length > 1 ? `seed ${place + 1} of ${draws.length}, ` : "";
    const onProgress = (done: number, total: number) =>
      progress(`${which}linear probe: ${Math.round((100 * done) / total)} %`);
    outcomes.push(
      await (kind === "knn" ? neighbors(request, train) : probe(request, train, seed, onProgress)),
    );
  }
  const [first] = outcomes as [Outcome];
  const confusion = first.confusion.map((row, label) =>
    row.map((_, predicted) => sum(outcomes.map((outcome) => outcome.confusion[label]![predicted]!))),
  );
  const { perClass } = summarizeConfusion(confusion);
  const names = request.train.classes ?? perClass.map((_, label) => String(label));
  const repeated = draws.length > 1 ? summarizeAccuracies(outcomes.map(({ accuracy }) => accuracy)) : null;
  const trainAccuracy = meanOf(outcomes.map((outcome) => outcome.trainAccuracy));
  return {
    accuracy: repeated?.mean ?? first.accuracy,
    interval: repeated?.interval ?? first.interval,
    top5Accuracy: meanOf(outcomes.map((outcome) => outcome.top5Accuracy)) ?? null,
    ...(repeated === null
      ? chosenBy(first)
      : {
          standardDeviation: repeated.standardDeviation,
          seeds: outcomes.map((outcome, place) => ({
            seed: draws[place]!.seed,
            accuracy: outcome.accuracy,
            ...chosenBy(outcome),
          })),
        }),
    ...(kind === "knn"
      ? { k: first.k!, temperature: first.temperature! }
      : { optimizer: settings.optimizer ?? "lbfgs" }),
    ...(first.rates === undefined ? {} : { learningRates: averageRates(outcomes) }),
    ...(trainAccuracy === undefined ? {} : { trainAccuracy }),
    ...(first.converged === undefined ? {} : { converged: outcomes.every(({ converged }) => converged) }),
    perClass: Object.fromEntries(
      names.map((name, label) => [name, Number.isNaN(perClass[label]!) ? null : perClass[label]!]),
    ),
    confusion,
    mostConfused: mostConfused(confusion).map(({ label, predicted, count, share }) => ({
      ...{ label: names[label]!, predicted: names[predicted]! },
      ...{ count, share },
    })),
  };
}

async function neighbors(
  { device, settings, test }: RepeatRequest,
  train: LabelledFeatures,
): Promise<Outcome> {
  const { temperature = 0.07 } = settings;
  const k = Math.min(settings.k ?? 20, train.labels.length);
  return { ...(await knnAccuracy({ device, train, test, k, temperature })), k, temperature };
}

function probe(
  { device, settings, test }: RepeatRequest,
  train: LabelledFeatures,
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Outcome> {
  const { optimizer = "lbfgs", learningRates, epochs, probeBatch } = settings;
  const common = { device, train, test, seed, onProgress };
  if (optimizer === "lbfgs") return linearProbe(common);
  return linearProbeSweep({
    ...{ ...common, optimizer },
    ...(learningRates === undefined ? {} : { learningRates }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(probeBatch === undefined ? {} : { batchSize: probeBatch }),
  });
}

/** What was chosen on held-out training pictures. */
function chosenBy({ learningRate, penalty }: Outcome): Pick<SeedEvaluation, "penalty" | "learningRate"> {
  if (penalty !== undefined) return { penalty };
  return learningRate === undefined ? {} : { learningRate };
}

/** Every learning rate with its means over the seeds. */
function averageRates(outcomes: readonly Outcome[]): SweptRate[] {
  return outcomes[0]!.rates!.map(({ learningRate }, place) => ({
    learningRate,
    heldOutAccuracy: meanOf(outcomes.map(({ rates }) => rates![place]!.heldOutAccuracy)) ?? null,
    accuracy: meanOf(outcomes.map(({ rates }) => rates![place]!.accuracy))!,
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The mean; undefined where a value is missing. */
function meanOf(values: readonly (number | null | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined && value !== null);
  return present.length < values.length ? undefined : sum(present) / present.length;
}
