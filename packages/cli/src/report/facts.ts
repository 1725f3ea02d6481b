import type { MetricsRecord } from "@splitmask/trainer";
import { formatDuration } from "../config/duration.js";
import type { RunDescription } from "../run/description.js";
import type { Chart, Fact, Series } from "./data.js";

/** What the facts and the charts are made of. */
export interface RunFigures {
  /** The run. */
  readonly description: RunDescription;
  /** Its metrics, one record a step. */
  readonly metrics: readonly MetricsRecord[];
  /** Parameters of the encoder. */
  readonly encoderParameters: number;
  /** Parameters of encoder and decoder. */
  readonly parameters: number;
  /** Pictures that could not be read, where that is known. */
  readonly skipped: number;
}

/**
 * The large numbers at the top of the page.
 *
 * @param figures The run.
 */
export function factsOf({
  description,
  metrics,
  encoderParameters,
  parameters,
  skipped,
}: RunFigures): Fact[] {
  const { config, pictureCount } = description;
  const totals = metrics.map((record) => record.losses.total ?? Number.NaN);
  const last = totals.slice(-Math.max(1, Math.floor(totals.length / 50)));
  const end = last.reduce((sum, value) => sum + value, 0) / Math.max(1, last.length);
  const epochSteps = Math.max(1, Math.floor(pictureCount / config.batch));
  const speed = metrics.at(-1)?.imagesPerSecond ?? null;
  const step = metrics.at(-1)?.step ?? 0;
  return [
    ...(metrics.length > 0
      ? [{ label: "Loss", value: end.toFixed(3), note: `from ${totals[0]!.toFixed(3)}` }]
      : []),
    {
      label: "Steps",
      value: step.toLocaleString("en"),
      note: `${Number((step / epochSteps).toPrecision(2)).toLocaleString("en")} epochs of batch ${config.batch}`,
    },
    {
      label: "Pictures",
      value: pictureCount.toLocaleString("en"),
      ...(skipped > 0 ? { note: `${skipped} could not be read` } : {}),
    },
    ...(speed !== null
      ? [
          {
            label: "Speed",
            value: `${Math.round(speed).toLocaleString("en")} / s`,
            note: "pictures, at the end",
          },
        ]
      : []),
    ...waitingFact(metrics),
    ...(metrics.length > 1 ? [{ label: "Time", value: formatDuration(trainingTime(metrics)) }] : []),
    {
      label: "Encoder",
      value: millions(encoderParameters),
      note: `parameters; ${millions(parameters - encoderParameters)} in the decoder`,
    },
  ];
}

/** How much of the steps' time, from the third step on, the device waited for data; none where that was not measured. */
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

/** Seconds between the first and the last step, without the pauses between an interruption and a resume. */
function trainingTime(metrics: readonly MetricsRecord[]): number {
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

/**
 * The curves of a run.
 *
 * @param description The run.
 * @param metrics Its metrics, one record a step.
 */
export function chartsOf({ config }: RunDescription, metrics: readonly MetricsRecord[]): Chart[] {
  const steps = metrics.map((record) => record.step);
  const series = (
    name: string,
    colour: Series["colour"],
    value: (record: MetricsRecord) => number,
    smooth = false,
  ): Series => ({
    name,
    colour,
    steps,
    values: metrics.map(value),
    smooth,
  });
  const parts = Object.keys(metrics[0]?.losses ?? {}).filter((name) => name !== "total");
  const guessing =
    config.inpaintWeight * Math.log(config.vocabulary) + config.matchWeight * Math.log(config.batch);
  const timed = metrics.filter((record) => record.imagesPerSecond !== null);
  return [
    {
      title: "Loss",
      caption: "What is minimised, and its parts. The dashed line is what guessing would give.",
      wide: true,
      series: [
        series("total", 0, (record) => record.losses.total ?? Number.NaN, true),
        ...parts.map((name, index) =>
          series(
            name,
            ((index % 3) + 1) as Series["colour"],
            (record) => record.losses[name] ?? Number.NaN,
            true,
          ),
        ),
      ],
      reference: { name: "guessing", value: guessing },
    },
    {
      title: "Learning rate",
      caption: "Linear warm-up, then a cosine.",
      series: [series("rate", 3, (record) => record.learningRate)],
    },
    {
      title: "Gradient norm",
      caption: `Before it is clipped at ${config.clip}.`,
      series: [series("norm", 0, (record) => record.gradientNorm, true)],
    },
    ...healthCharts(metrics),
    {
      title: "Speed",
      caption: "Pictures a second.",
      series: [
        {
          name: "speed",
          colour: 1,
          steps: timed.map((record) => record.step),
          values: timed.map((record) => record.imagesPerSecond!),
        },
      ],
    },
  ];
}

/** The health figures of a run, at the steps where they were looked at; [] where there are none. */
function healthCharts(metrics: readonly MetricsRecord[]): Chart[] {
  const looked = metrics.filter((record) => record.health !== undefined);
  if (looked.length === 0) return [];
  const steps = looked.map((record) => record.step);
  const series = (name: string, figure: string, colour: Series["colour"]): Series => ({
    name,
    colour,
    steps,
    values: looked.map((record) => record.health?.[figure] ?? Number.NaN),
  });
  return [
    {
      title: "Variance of the descriptors",
      caption: "At unit length: 0 where all pictures look alike, 1 where they point everywhere.",
      series: [series("variance", "descriptorVariance", 1)],
    },
    {
      title: "Effective rank",
      caption: "In how many directions the descriptors of a batch differ.",
      series: [series("rank", "effectiveRank", 2)],
    },
    {
      title: "Entropy of the words",
      caption: "In bits: of those that are predicted, and of those that should be.",
      series: [series("predicted", "tokenEntropy", 1), series("wanted", "targetEntropy", 0)],
    },
  ];
}
