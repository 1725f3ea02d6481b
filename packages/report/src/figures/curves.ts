import type { FigureNote, FigureNotes } from "@splitmask/methods";
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
  /** What its line is called beside others; empty where it is alone. */
  readonly name: string;
  /** Color slot. */
  readonly color: number;
  /** Whether single steps differ so much that a moving average is drawn. */
  readonly smooth: boolean;
  /** Rising steps. */
  readonly steps: readonly number[];
  /** One value a step. */
  readonly values: readonly number[];
  /** The chart that it is a line of, together with others; left out: it has its own. */
  readonly shared?: NonNullable<FigureNote["shared"]>;
}

type Look = Pick<Curve, "title" | "caption" | "name" | "color" | "smooth">;

const looks: Readonly<Record<string, Look>> = {
  "loss/total": { title: "Loss", caption: "The training loss.", name: "total", color: 0, smooth: true },
  learningRate: { title: "Learning rate", caption: "Of each step.", name: "rate", color: 3, smooth: false },
  gradientNorm: {
    ...{ title: "Gradient norm", caption: "Of all gradients together, before clipping." },
    ...{ name: "norm", color: 0, smooth: true },
  },
  imagesPerSecond: {
    ...{ title: "Speed", caption: "Pictures per second." },
    ...{ name: "speed", color: 1, smooth: false },
  },
  waitingSeconds: {
    ...{ title: "Waiting for data", caption: "Seconds that each step waited for its batch." },
    ...{ name: "waiting", color: 6, smooth: true },
  },
};

/** What is told of the figures of a group that have no note. */
const captions: Readonly<Record<string, string>> = {
  loss: "A part of the loss.",
  evaluation: "Evaluated during training.",
  health: "Measured during training.",
};

/** How the figure `place` of its group looks, where the table above does not know it. */
function lookOf(group: string, figure: string, place: number, note: FigureNote | undefined): Look {
  const isLoss = group === "loss";
  return {
    title: note?.title ?? (isLoss ? `${inWords(figure)} loss` : inWords(figure)),
    caption: note?.caption ?? captions[group]!,
    name: isLoss ? figure : "",
    color: 1 + (place % 10),
    smooth: isLoss,
  };
}

/**
 * Every figure that a run recorded over its steps: losses, learning rate, gradient norm, evaluations, health, speed,
 * waiting.
 *
 * @param metrics One record a step.
 * @param evaluations The evaluations in between.
 * @param notes What the method tells of its losses and its health figures.
 */
export function curvesOf(
  metrics: readonly MetricsRecord[],
  evaluations: readonly EvaluationRecord[],
  notes: FigureNotes = {},
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
  const places = new Map<string, number>();
  return Array.from(points, ([key, curve]) => {
    const known = looks[key];
    if (known !== undefined) return { key, ...known, ...curve };
    const slash = key.indexOf("/");
    const [group, figure] = [key.slice(0, slash), key.slice(slash + 1)];
    const note = group === "evaluation" ? undefined : notes[figure];
    const place = places.get(group) ?? 0;
    places.set(group, place + 1);
    const shared = note?.shared === undefined ? {} : { shared: note.shared };
    return { key, ...lookOf(group, figure, place, note), ...shared, ...curve };
  });
}
