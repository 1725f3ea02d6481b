import type { Chart, Series } from "../data.js";
import type { Curve } from "./curves.js";

/** What is known of a run's loss and clipping. */
export interface ChartContext {
  /** The loss that guessing would give. */
  readonly guessing?: number | undefined;
  /** The gradient norm above which gradients are scaled down; null or 0: they are not. */
  readonly clip?: number | null;
}

/**
 * The charts of one run: the losses in one, figures that share a chart in that, every other figure by itself.
 *
 * @param curves The run's figures.
 * @param context What is known of them.
 */
export function chartsOf(curves: readonly Curve[], context: ChartContext = {}): Chart[] {
  const losses = curves.filter(({ key }) => key.startsWith("loss/"));
  const { guessing } = context;
  const clip = context.clip ?? 0;
  const reference = guessing === undefined ? {} : { reference: { name: "random guessing", value: guessing } };
  const charts: Chart[] = [
    {
      title: "Loss",
      caption: [
        losses.length > 1 ? "The training loss and its parts." : "The training loss.",
        ...(guessing === undefined ? [] : ["The dashed line is the loss of random guessing."]),
      ].join(" "),
      wide: true,
      // The total goes first, whatever the order in the file.
      series: [...losses].sort((a, b) => a.color - b.color).map(seriesOf),
      ...reference,
    },
  ];
  for (const curve of curves) {
    if (losses.includes(curve)) continue;
    const { shared } = curve;
    if (shared !== undefined) {
      const together = curves.filter((other) => other.shared?.title === shared.title);
      if (curve !== together[0]) continue;
      const series = together.map((each) => ({ ...seriesOf(each), name: each.shared!.line }));
      charts.push({ title: shared.title, caption: shared.caption, series });
      continue;
    }
    const clipped = curve.key === "gradientNorm" && clip > 0;
    charts.push({
      title: curve.title,
      caption: clipped ? `Of all gradients together, before clipping at ${clip}.` : curve.caption,
      series: [seriesOf(curve)],
    });
  }
  return charts;
}

function seriesOf({ name, color, steps, values, smooth }: Curve): Series {
  return { name, color, steps, values, smooth };
}
