import type { Chart, Series } from "../data.js";
import type { Curve } from "./curves.js";

/** What is known of a run's loss and clipping. */
export interface ChartContext {
  /** The loss that guessing would give. */
  readonly guessing?: number;
  /** The gradient norm above which gradients are scaled down. */
  readonly clip?: number;
}

const entropies = ["health/tokenEntropy", "health/targetEntropy"];

/**
 * The charts of one run: the losses in one, the entropies of the words in one, every other figure by itself.
 *
 * @param curves The run's figures.
 * @param context What is known of them.
 */
export function chartsOf(curves: readonly Curve[], context: ChartContext = {}): Chart[] {
  const losses = curves.filter(({ key }) => key.startsWith("loss/"));
  const words = curves.filter(({ key }) => entropies.includes(key));
  const { guessing, clip } = context;
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
      series: [...losses].sort((a, b) => a.colour - b.colour).map(seriesOf),
      ...reference,
    },
  ];
  for (const curve of curves) {
    if (losses.includes(curve)) continue;
    if (words.includes(curve)) {
      if (curve !== words[0]) continue;
      const caption = "In bits, of the predicted words and of the target words.";
      charts.push({ title: "Entropy of the visual words", caption, series: words.map(seriesOf) });
      continue;
    }
    const clipped = curve.key === "gradientNorm" && clip !== undefined && clip > 0;
    charts.push({
      title: curve.title,
      caption: clipped ? `Of all gradients together, before clipping at ${clip}.` : curve.caption,
      series: [seriesOf(curve)],
    });
  }
  return charts;
}

function seriesOf({ name, colour, steps, values, smooth }: Curve): Series {
  return { name, colour, steps, values, smooth };
}
