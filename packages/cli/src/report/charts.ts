import type { Curve } from "./curves.js";
import type { Chart, Series } from "./data.js";

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
  const reference = guessing === undefined ? {} : { reference: { name: "guessing", value: guessing } };
  const charts: Chart[] = [
    {
      title: "Loss",
      caption: `What is minimised${losses.length > 1 ? ", and its parts" : ""}.${guessing === undefined ? "" : " The dashed line is what guessing would give."}`,
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
      const caption = "In bits: of those that are predicted, and of those that should be.";
      charts.push({ title: "Entropy of the words", caption, series: words.map(seriesOf) });
      continue;
    }
    const clipped = curve.key === "gradientNorm" && clip !== undefined && clip > 0;
    charts.push({
      title: curve.title,
      caption: clipped ? `Before it is clipped at ${clip}.` : curve.caption,
      series: [seriesOf(curve)],
    });
  }
  return charts;
}

function seriesOf({ name, colour, steps, values, smooth }: Curve): Series {
  return { name, colour, steps, values, smooth };
}
