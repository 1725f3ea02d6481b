import type { MetricsRecord } from "@splitmask/trainer";
import type { ConfusionView, ReportData } from "../data.js";
import { type Html, html } from "../html/html.js";
import { type Curve, lastMean } from "./curves.js";
import { formatDuration, formatNumber, percent } from "./format.js";

/** The large numbers at the top of the page, each with a short remark. */
export function factsOf(data: ReportData, curves: readonly Curve[]): Html {
  const { batch, encoderParameters, parameters, pictureCount, run } = data;
  const { confusion, metrics, skipped } = run;
  const facts: Html[] = [];
  const add = (label: string, value: string, note?: string) => {
    const small = note !== undefined && html`<small>${note}</small>`;
    facts.push(html`<div><dt>${label}</dt><dd>${value}${small}</dd></div>`);
  };
  if (confusion !== null) {
    const { accuracy, pictures } = tally(confusion);
    add("Accuracy", accuracy, `of ${pictures.toLocaleString("en")} test pictures`);
  }
  const loss = curves.find(({ key }) => key === "loss/total");
  if (loss !== undefined) add("Loss", lastMean(loss).toFixed(3), `started at ${loss.values[0]!.toFixed(3)}`);
  for (const { steps, title, values } of curves
    .filter(({ key }) => key.startsWith("evaluation/"))
    .slice(0, 2))
    add(title, formatNumber(values.at(-1)!), `after step ${steps.at(-1)!.toLocaleString("en")}`);
  const step = metrics.at(-1)?.step ?? 0;
  const epochs = batch && pictureCount && step / Math.max(1, Math.floor(pictureCount / batch));
  const rounded = epochs && Number(epochs.toPrecision(2)).toLocaleString("en");
  add("Steps", step.toLocaleString("en"), rounded ? `${rounded} epochs of batch ${batch}` : undefined);
  if (pictureCount !== undefined)
    add(
      "Pictures",
      pictureCount.toLocaleString("en"),
      skipped.length > 0 ? `${skipped.length} could not be read` : undefined,
    );
  const speed = metrics.at(-1)?.imagesPerSecond ?? null;
  if (speed !== null) add("Speed", `${Math.round(speed).toLocaleString("en")} / s`, "pictures, at the end");
  const waiting = waitingShare(metrics);
  if (waiting !== null) add("Waiting for data", percent(waiting, 1), "of the time, from the third step on");
  if (metrics.length > 1) add("Time", formatDuration(trainingTime(metrics)));
  if (encoderParameters !== undefined && parameters !== undefined) {
    const rest = millions(parameters - encoderParameters);
    add("Encoder", millions(encoderParameters), `parameters; the rest of the model has ${rest}`);
  }
  return html`<dl class="facts">${facts}</dl>`;
}

/** How many pictures a confusion matrix holds, and how many of them were taken for what they are. */
export function tally({ counts }: ConfusionView) {
  const right = counts.reduce((sum, row, label) => sum + row[label]!, 0);
  const pictures = counts.flat().reduce((sum, count) => sum + count, 0);
  return { right, pictures, accuracy: percent(right / pictures, 1) };
}

/** How much of the time, from the third step on, the device waited for data; null where that was not measured. */
function waitingShare(metrics: readonly MetricsRecord[]): number | null {
  const time = trainingTime(metrics.slice(1));
  const waited = metrics.slice(2).map((record) => record.waitingSeconds ?? Number.NaN);
  const share = waited.reduce((sum, seconds) => sum + seconds, 0) / time;
  return Number.isFinite(share) ? Math.min(1, share) : null;
}

/** Seconds between the first and the last step, without the pauses between an interruption and a resume. */
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
