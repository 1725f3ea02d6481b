import { pairedDifference, summarizeAccuracies } from "@splitmask/eval";
import type {
  StudyAccuracy,
  StudyComparison,
  StudyFigure,
  StudyResults,
  StudyValue,
} from "@splitmask/report";
import type { StudyCell, StudyLayout } from "./layout.js";
import type { StudyPlan } from "./plan.js";
import type { StepAccuracy, StepRecord } from "./step.js";

/** Significance level: differences with a smaller p-value count as shown. */
const level = 0.05;
/** With fewer pairs of seeds no verdict is given: two agree too easily by chance. */
export const fewestSeeds = 3;

type Accuracies = readonly StudyAccuracy[];

/**
 * What came of a study so far.
 *
 * @param records What is kept of the steps that are done, by key.
 * @param failures The steps that failed, and why.
 */
export function gatherResults(
  plan: StudyPlan,
  { cells, steps }: StudyLayout,
  records: ReadonlyMap<string, StepRecord>,
  failures: StudyResults["failures"],
): StudyResults {
  const figures = figuresOf(plan, cells, records);
  const accuraciesOf = (row: string, figure: StudyFigure): Accuracies =>
    cells
      .filter((cell) => cell.row === row)
      .flatMap(({ evaluations, seed }) => {
        const found = records.get(evaluations[figure.evaluation] ?? "")?.accuracy;
        const accuracy = found == null ? null : accuracyAt(found, figure.layer);
        return accuracy === null ? [] : [{ seed, accuracy }];
      });
  const done = steps.flatMap(({ key }) => records.get(key) ?? []);
  return {
    name: plan.name,
    title: plan.title,
    seeds: plan.seeds,
    baseline: plan.baseline,
    figures,
    rows: plan.rows.map(({ evaluations, label, places }) => ({
      ...{ label, places },
      values: figures.map((figure) => {
        if (!evaluations.includes(figure.evaluation)) return null;
        const accuracies = accuraciesOf(label, figure);
        const comparison =
          label === plan.baseline ? null : compare(accuracies, accuraciesOf(plan.baseline, figure));
        return { ...summaryOf(accuracies), comparison };
      }),
    })),
    failures,
    steps: { done: done.length, all: steps.length },
    warnings: [...new Set(done.flatMap(({ warnings }) => warnings))],
    seconds: done.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
  };
}

/** The figures of a plan, in the order of its evaluations; each layer of an evaluation by layer is one figure. */
function figuresOf(
  { evaluations }: StudyPlan,
  cells: readonly StudyCell[],
  records: ReadonlyMap<string, StepRecord>,
): readonly StudyFigure[] {
  return Object.keys(evaluations).flatMap((evaluation): StudyFigure[] => {
    const found = cells.flatMap((cell) => records.get(cell.evaluations[evaluation] ?? "")?.accuracy ?? []);
    const test = found[0]?.test ?? 0;
    const layers = [...new Set(found.flatMap((each) => each.layers ?? []).map(({ layer }) => layer))];
    if (layers.length === 0) return [{ name: evaluation, evaluation, layer: null, test }];
    return layers
      .sort((a, b) => a - b)
      .map((layer) => ({ name: `${evaluation}, layer ${layer}`, evaluation, layer, test }));
  });
}

function accuracyAt({ accuracy, layers }: StepAccuracy, layer: number | null): number | null {
  if (layer === null) return accuracy;
  return layers?.find((each) => each.layer === layer)?.accuracy ?? null;
}

function summaryOf(accuracies: Accuracies): Omit<StudyValue, "comparison"> {
  if (accuracies.length === 0) return { accuracies, mean: null, standardDeviation: null };
  const { mean, standardDeviation } = summarizeAccuracies(accuracies.map(({ accuracy }) => accuracy));
  return { accuracies, mean, standardDeviation: accuracies.length < 2 ? null : standardDeviation };
}

/** How accuracies differ from the baseline's, over the seeds that both have; null where these are none. */
function compare(accuracies: Accuracies, baseline: Accuracies): StudyComparison | null {
  const pairs = accuracies.flatMap(({ accuracy, seed }) => {
    const other = baseline.find((each) => each.seed === seed);
    return other === undefined ? [] : [[accuracy, other.accuracy] as const];
  });
  if (pairs.length === 0) return null;
  const { interval, mean, pValue } = pairedDifference(
    pairs.map(([own]) => own),
    pairs.map(([, other]) => other),
  );
  const isOne = pairs.length === 1;
  return {
    seeds: pairs.length,
    difference: mean,
    interval: isOne ? null : interval,
    pValue: isOne ? null : pValue,
    verdict:
      pairs.length < fewestSeeds
        ? "too few seeds to tell"
        : pValue >= level
          ? "no difference shown"
          : mean > 0
            ? "higher"
            : "lower",
  };
}
