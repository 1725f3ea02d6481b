import type { Chart, ComparedRow, ComparisonData } from "../data.js";
import { type Curve, curvesOf } from "./curves.js";
import { lastMean, trainingTime } from "./facts.js";
import { formatDuration, formatNumber, percent } from "./format.js";
import type { RecordedRun } from "./recordedRun.js";
import { settingsOf } from "./settings.js";
import { tally } from "./tally.js";

/** More runs than colors cannot be told apart. */
export const mostCompared = 10;

/**
 * Puts several runs side by side: their last figures, the settings that differ, and their curves in the same charts.
 *
 * @param runs Two to `mostCompared` runs.
 */
export function comparisonOf(runs: readonly RecordedRun[]): Omit<ComparisonData, "written"> {
  const letters = runs.map((_, place) => String.fromCharCode(65 + place));
  const curves = runs.map(({ metrics, evaluations, figures }) => curvesOf(metrics, evaluations, figures));
  const byKey = new Map<string, (Curve | undefined)[]>();
  for (const [place, own] of curves.entries()) {
    for (const curve of own) {
      const group = byKey.get(curve.key) ?? new Array<Curve | undefined>(runs.length).fill(undefined);
      group[place] = curve;
      byKey.set(curve.key, group);
    }
  }
  return {
    title: `${runs.length} runs side by side`,
    runs: runs.map(({ name, path }, place) => ({ letter: letters[place]!, name, path, color: place + 1 })),
    warnings: runs.flatMap(({ name, warnings }, place) =>
      warnings.map((text) => `${letters[place]} ${name}: ${text}`),
    ),
    figures: figuresOf(runs, [...byKey.values()]),
    settings: differing(runs.map(({ config }) => settingsOf(config))),
    charts: [...byKey.values()].map((group) => chartOf(group, letters)),
    confusions: runs.flatMap(({ confusion, name }, place) =>
      confusion === null ? [] : [{ ...confusion, title: `${letters[place]} ${name}` }],
    ),
  };
}

/** One figure of all runs that have it. */
function chartOf(group: readonly (Curve | undefined)[], letters: readonly string[]): Chart {
  const { key, title, caption } = group.find((curve) => curve !== undefined)!;
  return {
    title,
    caption,
    wide: key === "loss/total",
    series: group.flatMap((curve, place) =>
      curve === undefined
        ? []
        : [
            {
              name: letters[place]!,
              color: place + 1,
              steps: curve.steps,
              values: curve.values,
              smooth: curve.smooth,
            },
          ],
    ),
  };
}

function figuresOf(
  runs: readonly RecordedRun[],
  curves: readonly (readonly (Curve | undefined)[])[],
): ComparedRow[] {
  const rows: ComparedRow[] = [
    {
      name: "Accuracy",
      values: runs.map(({ confusion }) => {
        if (confusion === null) return null;
        const { right, pictures } = tally(confusion);
        return percent(right / pictures, 1);
      }),
    },
    {
      name: "Steps",
      values: runs.map(({ metrics }) => (metrics.at(-1)?.step ?? 0).toLocaleString("en")),
    },
    {
      name: "Time",
      values: runs.map(({ metrics }) => (metrics.length > 1 ? formatDuration(trainingTime(metrics)) : null)),
    },
    ...curves.map((group): ComparedRow => {
      const { title } = group.find((curve) => curve !== undefined)!;
      return {
        name: title,
        values: group.map((curve) =>
          curve === undefined ? null : formatNumber(curve.smooth ? lastMean(curve) : curve.values.at(-1)!),
        ),
      };
    }),
  ];
  return rows.filter(({ values }) => values.some((value) => value !== null));
}

/** The settings that are not the same in all runs. */
function differing(settings: readonly ReadonlyMap<string, string>[]): ComparedRow[] {
  const names = new Set(settings.flatMap((own) => [...own.keys()]));
  return [...names]
    .map((name) => ({ name, values: settings.map((own) => own.get(name) ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
}
