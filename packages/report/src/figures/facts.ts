import type { MetricsRecord } from "@splitmask/trainer";
import type { ConfusionView, Fact } from "../data.js";
import type { Curve } from "./curves.js";
import { formatDuration, formatNumber, percent } from "./format.js";
import { tally } from "./tally.js";

/** What is known of a run, besides its curves. */
export interface RunFigures {
  /** Its metrics, one record a step. */
  readonly metrics: readonly MetricsRecord[];
  /** Its curves. */
  readonly curves: readonly Curve[];
  /** Pictures a step. */
  readonly batch?: number;
  /** Pictures that it was trained on. */
  readonly pictureCount?: number;
  /** Parameters of the encoder. */
  readonly encoderParameters?: number | undefined;
  /** Parameters of the whole model. */
  readonly parameters?: number | undefined;
  /** How a classifier did on its test pictures; null while that is not known. */
  readonly confusion?: ConfusionView | null;
  /** Pictures that could not be read, where that is known. */
  readonly skipped: number;
}

/**
 * The large numbers at the top of the page.
 *
 * @param figures The run.
 */
export function factsOf(figures: RunFigures): Fact[] {
  const { metrics, curves, batch, pictureCount, encoderParameters, parameters, skipped } = figures;
  const step = metrics.at(-1)?.step ?? 0;
  const loss = curves.find(({ key }) => key === "loss/total");
  const speed = metrics.at(-1)?.imagesPerSecond ?? null;
  const facts: Fact[] = [];
  if (figures.confusion) {
    const { right, pictures } = tally(figures.confusion);
    facts.push({
      label: "Accuracy",
      value: percent(right / pictures, 1),
      note: `of ${pictures.toLocaleString("en")} test pictures`,
    });
  }
  if (loss !== undefined)
    facts.push({
      label: "Loss",
      value: lastMean(loss).toFixed(3),
      note: `started at ${loss.values[0]!.toFixed(3)}`,
    });
  for (const curve of curves.filter(({ key }) => key.startsWith("evaluation/")).slice(0, 2))
    facts.push({
      label: curve.title,
      value: formatNumber(curve.values.at(-1)!),
      note: `after step ${curve.steps.at(-1)!.toLocaleString("en")}`,
    });
  const epochs = batch && pictureCount ? step / Math.max(1, Math.floor(pictureCount / batch)) : null;
  facts.push({
    label: "Steps",
    value: step.toLocaleString("en"),
    ...(epochs === null
      ? {}
      : { note: `${Number(epochs.toPrecision(2)).toLocaleString("en")} epochs of batch ${batch}` }),
  });
  if (pictureCount !== undefined)
    facts.push({
      label: "Pictures",
      value: pictureCount.toLocaleString("en"),
      ...(skipped > 0 ? { note: `${skipped} could not be read` } : {}),
    });
  if (speed !== null)
    facts.push({
      label: "Speed",
      value: `${Math.round(speed).toLocaleString("en")} / s`,
      note: "pictures, at the end",
    });
  facts.push(...waitingFact(metrics));
  if (metrics.length > 1) facts.push({ label: "Time", value: formatDuration(trainingTime(metrics)) });
  if (encoderParameters !== undefined && parameters !== undefined)
    facts.push({
      label: "Encoder",
      value: millions(encoderParameters),
      note: `parameters; the rest of the model has ${millions(parameters - encoderParameters)}`,
    });
  return facts;
}

/**
 * A curve's end: the mean of the last fiftieth of its steps.
 *
 * @param curve The curve, with at least one step.
 */
export function lastMean({ values }: Pick<Curve, "values">): number {
  const last = values.slice(-Math.max(1, Math.floor(values.length / 50)));
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

/** How much of the time, from the third step on, the device waited for data; none where that was not measured. */
function waitingFact(metrics: readonly MetricsRecord[]): Fact[] {
  const from = metrics.slice(1);
  const time = trainingTime(from);
  const waited = from.slice(1).map((record) => record.waitingSeconds);
  if (time === 0 || waited.some((seconds) => seconds === undefined)) return [];
  const share = Math.min(1, waited.reduce<number>((sum, seconds) => sum + seconds!, 0) / time);
  return [
    {
      label: "Waiting for data",
      value: `${(100 * share).toFixed(1)} %`,
      note: "of the time, from the third step on",
    },
  ];
}

/**
 * Seconds between the first and the last step, without the pauses between an interruption and a resume.
 *
 * @param metrics One record a step.
 */
export function trainingTime(metrics: readonly MetricsRecord[]): number {
  let total = 0;
  for (let index = 1; index < metrics.length; index++) {
    const passed = metrics[index]!.time - metrics[index - 1]!.time;
    if (passed < 300) total += passed;
  }
  return total;
}

function millions(count: number): string {
  return count < 1e6 ? `${(count / 1e3).toPrecision(3)} k` : `${(count / 1e6).toPrecision(3)} M`;
}
