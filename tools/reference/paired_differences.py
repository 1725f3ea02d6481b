"""Fixture of @splitmask/eval: Student's t-test of paired differences, from SciPy.

Made with scipy 1.17.1 and numpy by

    python tools/reference/paired_differences.py

It writes packages/eval/test/fixtures/pairedDifferences.json. Seed 0. Accuracies of two experiments with 2 to 30 seeds
each, and two cases by hand.
"""

import json
from pathlib import Path

import numpy
import scipy.stats

FILE = Path(__file__).resolve().parents[2] / "packages/eval/test/fixtures/pairedDifferences.json"

generator = numpy.random.default_rng(0)
pairs = [([0.52, 0.55, 0.51], [0.5, 0.51, 0.5]), ([0.4, 0.3, 0.35, 0.31], [0.41, 0.29, 0.36, 0.3])]
for seeds in (2, 3, 4, 5, 8, 9, 30):
    baseline = generator.uniform(0.3, 0.6, seeds)
    gain = generator.normal(generator.uniform(-0.03, 0.03), 0.02, seeds)
    pairs.append(((baseline + gain).round(4).tolist(), baseline.round(4).tolist()))

cases = []
for accuracies, baseline in pairs:
    result = scipy.stats.ttest_rel(accuracies, baseline)
    low, high = result.confidence_interval(0.95)
    differences = numpy.subtract(accuracies, baseline)
    cases.append(
        {
            "accuracies": accuracies,
            "baseline": baseline,
            "mean": float(differences.mean()),
            "standardDeviation": float(differences.std(ddof=1)),
            "interval": {"low": float(low), "high": float(high)},
            "t": float(result.statistic),
            "pValue": float(result.pvalue),
        }
    )

FILE.write_text(json.dumps(cases, indent=1) + "\n")
