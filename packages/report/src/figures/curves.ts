import type { SharedChart } from "@splitmask/methods";
import type { RecordedRun } from "../data.js";
import { inWords } from "./format.js";

/** One line of a chart. */
export interface Series {
  /** Drawn at its end; empty: the value alone is. */
  readonly name: string;
  /** 0 ink, 1 to 10 the palette of the style sheet. */
  readonly color: number;
  /** Rising. */
  readonly steps: readonly number[];
  readonly values: readonly number[];
  /** Draw the raw values thin and a moving average strong. */
  readonly smooth?: boolean;
}

export interface Chart {
  readonly title: string;
  /** One sentence that says how to read it. */
  readonly caption: string;
  readonly series: readonly Series[];
  /** What the steps are, if not training steps. */
  readonly unit?: string;
  /** Drawn over the page's whole width. */
  readonly wide?: boolean;
  /** A dashed level with its name. */
  readonly reference?: { readonly name: string; readonly value: number };
}

/** A figure over the steps of a run, with the chart that it has by itself. */
export interface Curve extends Series {
  /** Its name in `metrics.jsonl`, with a slash between group and figure: `loss/total`, `health/effectiveRank`. */
  readonly key: string;
  readonly title: string;
  readonly caption: string;
  /** The chart that it is a line of, together with others. */
  readonly shared?: SharedChart | undefined;
}

const looks: Readonly<Record<string, Pick<Curve, "title" | "caption" | "color" | "smooth">>> = {
  "loss/total": { title: "Loss", caption: "The training loss.", color: 0, smooth: true },
  "step/learningRate": { title: "Learning rate", caption: "Of each step.", color: 3 },
  "step/gradientNorm": {
    ...{ title: "Gradient norm", caption: "Of all gradients together, before clipping." },
    ...{ color: 0, smooth: true },
  },
  "step/imagesPerSecond": { title: "Speed", caption: "Pictures per second.", color: 1 },
  "step/waitingSeconds": {
    ...{ title: "Waiting for data", caption: "Seconds that each step waited for its batch." },
    ...{ color: 6, smooth: true },
  },
};

/** What is told of the figures of a group that have no note. */
const captions: Readonly<Record<string, string>> = {
  loss: "A part of the loss.",
  evaluation: "Evaluated during training.",
  health: "Measured during training.",
};

/** Every figure that a run recorded over its steps, in the order in which its page has them. */
export function curvesOf({ metrics, evaluations, figures: notes = {} }: RecordedRun): Curve[] {
  const points = new Map<string, { steps: number[]; values: number[] }>();
  const add = (group: string, step: number, figures: Readonly<Record<string, number | null | undefined>>) => {
    for (const [name, value] of Object.entries(figures)) {
      if (value === null || value === undefined) continue;
      const curve = points.get(`${group}/${name}`) ?? { steps: [], values: [] };
      points.set(`${group}/${name}`, curve);
      curve.steps.push(step);
      curve.values.push(value);
    }
  };
  for (const { step, losses, learningRate, gradientNorm } of metrics) {
    add("loss", step, { total: losses.total, ...losses });
    add("step", step, { learningRate, gradientNorm });
  }
  for (const { step, evaluation } of evaluations) add("evaluation", step, evaluation);
  for (const { step, health } of metrics) add("health", step, health ?? {});
  for (const { step, imagesPerSecond, waitingSeconds } of metrics)
    add("step", step, { imagesPerSecond, waitingSeconds });

  const places = new Map<string, number>();
  const curves: Curve[] = [];
  for (const [key, { steps, values }] of points) {
    const slash = key.indexOf("/");
    const [group, figure] = [key.slice(0, slash), key.slice(slash + 1)];
    const isLoss = group === "loss";
    const note = isLoss || group === "health" ? notes[figure] : undefined;
    const place = places.get(group) ?? (isLoss ? 0 : 1);
    places.set(group, place + 1);
    curves.push({
      title: note?.title ?? (isLoss ? `${inWords(figure)} loss` : inWords(figure)),
      caption: note?.caption ?? captions[group] ?? "",
      name: note?.shared?.line ?? (isLoss ? figure : ""),
      color: 1 + ((place - 1) % 10),
      smooth: isLoss,
      shared: note?.shared,
      ...looks[key],
      ...{ key, steps, values },
    });
  }
  return curves;
}

/**
 * The charts of one run: the losses in one, figures that share a chart in that, every other figure by itself.
 *
 * @param guessing The loss that guessing would give.
 * @param clip The gradient norm above which gradients are scaled down; 0: they are not.
 */
export function chartsOf(curves: readonly Curve[], guessing: number | undefined, clip: number): Chart[] {
  const isLoss = ({ key }: Curve) => key.startsWith("loss/");
  const losses = curves.filter(isLoss);
  const [total, part, ...others] = losses;
  // The only part of a loss is the loss.
  const isWhole =
    part === undefined || (others.length === 0 && String(part.values) === String(total!.values));
  const told = isWhole ? ((part ?? total)?.caption ?? "") : "The training loss and its parts.";
  const loss = {
    ...{ title: "Loss", caption: told, wide: true },
    series: isWhole ? losses.slice(0, 1).map((only) => ({ ...only, name: "" })) : losses,
  };
  const charts = new Map<string, Chart>();
  for (const curve of curves.filter((curve) => !isLoss(curve))) {
    const { title, caption } = curve.shared ?? curve;
    const key = curve.shared?.title ?? curve.key;
    const clipped = key === "step/gradientNorm" && clip > 0;
    charts.set(key, {
      title,
      caption: clipped ? `Of all gradients together, before clipping at ${clip}.` : caption,
      series: [...(charts.get(key)?.series ?? []), curve],
    });
  }
  if (guessing === undefined) return [loss, ...charts.values()];
  const reference = { name: "random guessing", value: guessing };
  const caption = `${told} The dashed line is the loss of random guessing.`;
  return [{ ...loss, caption, reference }, ...charts.values()];
}

/**
 * A curve's end: the mean of the last fiftieth of its steps.
 *
 * @param curve The curve, with at least one step.
 */
export function lastMean({ values }: { readonly values: readonly number[] }): number {
  const last = values.slice(-Math.max(1, Math.floor(values.length / 50)));
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}
