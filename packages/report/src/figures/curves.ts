import type { EvaluationRecord, MetricsRecord } from "@splitmask/trainer";
import { inWords } from "./format.js";

/** A figure over the steps of a run. */
export interface Curve {
  /** Its name in `metrics.jsonl`, with a slash between group and figure: `loss/total`, `health/effectiveRank`. */
  readonly key: string;
  /** The heading of a chart of it. */
  readonly title: string;
  /** One sentence that says how to read it. */
  readonly caption: string;
  /** What its line is called beside others. */
  readonly name: string;
  /** Colour slot. */
  readonly colour: number;
  /** Whether single steps differ so much that a moving average is drawn. */
  readonly smooth: boolean;
  /** Rising steps. */
  readonly steps: readonly number[];
  /** One value a step. */
  readonly values: readonly number[];
}

type Look = Pick<Curve, "title" | "caption" | "name" | "colour" | "smooth">;

const looks: Readonly<Record<string, Look>> = {
  "loss/total": { title: "Loss", caption: "The training loss.", name: "total", colour: 0, smooth: true },
  learningRate: {
    ...{ title: "Learning rate", caption: "Of each step." },
    ...{ name: "rate", colour: 3, smooth: false },
  },
  gradientNorm: {
    ...{ title: "Gradient norm", caption: "Of all gradients together, before clipping." },
    ...{ name: "norm", colour: 0, smooth: true },
  },
  imagesPerSecond: {
    ...{ title: "Speed", caption: "Pictures per second." },
    ...{ name: "speed", colour: 1, smooth: false },
  },
  waitingSeconds: {
    ...{ title: "Waiting for data", caption: "Seconds that each step waited for its batch." },
    ...{ name: "waiting", colour: 6, smooth: true },
  },
  "health/descriptorVariance": {
    title: "Variance of the descriptors",
    caption:
      "At unit length: near 0 if all pictures get the same descriptor, near 1 if they point everywhere.",
    ...{ name: "variance", colour: 1, smooth: false },
  },
  "health/effectiveRank": {
    title: "Effective rank",
    caption: "In how many directions the descriptors of a batch vary.",
    ...{ name: "rank", colour: 2, smooth: false },
  },
  "health/tokenEntropy": {
    ...{ title: "Entropy of the predicted words", caption: "In bits: how many words are predicted." },
    ...{ name: "predicted", colour: 1, smooth: false },
  },
  "health/targetEntropy": {
    ...{ title: "Entropy of the target words", caption: "In bits: how many words there are to predict." },
    ...{ name: "target", colour: 0, smooth: false },
  },
  "health/tokenEntropyShare": {
    title: "Variety of the predicted words",
    caption: "Entropy of the predicted words divided by that of the target words; 1 if equally varied.",
    ...{ name: "share", colour: 7, smooth: false },
  },
};

/** How a figure looks that the table does not know: by its group. */
function lookOf(key: string, place: number): Look {
  const known = looks[key];
  if (known !== undefined) return known;
  const figure = key.slice(key.indexOf("/") + 1);
  const words = inWords(figure);
  if (key.startsWith("loss/"))
    return {
      title: `${words} loss`,
      caption: "A part of the loss.",
      name: figure,
      colour: 1 + (place % 10),
      smooth: true,
    };
  if (key.startsWith("evaluation/"))
    return { title: words, caption: "Evaluated during training.", name: "", colour: 5, smooth: false };
  return { title: words, caption: "Measured during training.", name: "", colour: 6, smooth: false };
}

/**
 * Every figure that a run recorded over its steps: losses, learning rate, gradient norm, evaluations, health, speed,
 * waiting.
 *
 * @param metrics One record a step.
 * @param evaluations The evaluations in between.
 */
export function curvesOf(
  metrics: readonly MetricsRecord[],
  evaluations: readonly EvaluationRecord[],
): Curve[] {
  const points = new Map<string, { steps: number[]; values: number[] }>();
  const add = (key: string, step: number, value: number | null | undefined) => {
    if (value === null || value === undefined) return;
    const curve = points.get(key) ?? { steps: [], values: [] };
    points.set(key, curve);
    curve.steps.push(step);
    curve.values.push(value);
  };
  for (const record of metrics) {
    for (const [name, value] of Object.entries(record.losses)) add(`loss/${name}`, record.step, value);
    add("learningRate", record.step, record.learningRate);
    add("gradientNorm", record.step, record.gradientNorm);
  }
  for (const { step, evaluation } of evaluations)
    for (const [name, value] of Object.entries(evaluation)) add(`evaluation/${name}`, step, value);
  for (const { step, health = {} } of metrics)
    for (const [name, value] of Object.entries(health)) add(`health/${name}`, step, value);
  for (const record of metrics) {
    add("imagesPerSecond", record.step, record.imagesPerSecond);
    add("waitingSeconds", record.step, record.waitingSeconds);
  }
  let losses = 0;
  return Array.from(points, ([key, curve]) => ({
    key,
    ...lookOf(key, key.startsWith("loss/") && key !== "loss/total" ? losses++ : 0),
    ...curve,
  }));
}
