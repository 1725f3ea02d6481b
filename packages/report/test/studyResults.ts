import type { StudyComparison, StudyResults, StudyValue } from "@splitmask/report";

/** Accuracies with three seeds around a mean. */
function value(mean: number, comparison: StudyComparison | null = null): StudyValue {
  const accuracies = [-0.012, 0.004, 0.008].map((offset, seed) => ({ seed, accuracy: mean + offset }));
  return { accuracies, mean, standardDeviation: 0.0106, comparison };
}

const higher = (difference: number): StudyComparison => ({
  ...{ seeds: 3, difference, interval: { low: difference - 0.02, high: difference + 0.02 } },
  ...{ pValue: 0.004, verdict: "higher" },
});

/** Results with every part that a page may show; names end in a text. */
export function studyResults(text: string): StudyResults {
  const layers = [1, 2, 3];
  const along = (at: number | null, label: string) => [{ axis: `share${text}`, label: label + text, at }];
  return {
    ...{ name: "plan", title: `study ${text}`, seeds: [0, 1, 2], baseline: `untrained${text}` },
    figures: [
      { name: `k-NN${text}`, evaluation: `k-NN${text}`, layer: null, test: 3925 },
      ...layers.map((layer) => ({
        ...{ name: `probe${text}, layer ${layer}`, evaluation: `probe${text}`, layer, test: 3925 },
      })),
    ],
    rows: [
      {
        ...{ label: `untrained${text}`, places: along(null, "untrained") },
        values: [value(0.31), ...layers.map((layer) => value(0.35 + 0.01 * layer))],
      },
      ...[1, 10, 100].map((share, place) => ({
        ...{ label: `${share} %${text}`, places: along(share, `${share} %`) },
        values: [
          value(0.4 + 0.03 * place, higher(0.09 + 0.03 * place)),
          ...layers.map((layer) => value(0.4 + 0.02 * layer, higher(0.05 + 0.01 * layer))),
        ],
      })),
      { label: `unfinished${text}`, places: along(1000, "unfinished"), values: [null, null, null, null] },
    ],
    failures: [{ step: `unfinished${text}, seed 0: pre-training`, message: `no memory${text}` }],
    ...{ steps: { done: 30, all: 33 }, warnings: [`careful${text}`], seconds: 12_345 },
  };
}
