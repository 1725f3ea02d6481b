"""The distribution of SplitMask's block masks, from a sampler written independently of the kernel.

Writes packages/kernels/test/fixtures/masks.json: for some grids, how often each patch is masked, and how many
neighbouring patches differ (a measure of how blocky the masks are), after topping up to the exact number; and what the
blocks alone reached.

    python tools/reference/masks.py        (Python 3.11, numpy 2; seed 20260101; about half a minute)

Sampler: Bao et al., BEiT, block-wise masking as in its published code (see PAPER.md 6.1), then uniformly drawn patches
up to the target.
"""

import json
import math
import pathlib
import random

import numpy as np

SEED = 20260101
DRAWS = 200_000
CASES = [
    {"rows": 14, "columns": 14, "visible": 98, "minimumBlock": 16, "maximumBlock": 75, "minimumAspect": 0.3},
    {"rows": 8, "columns": 6, "visible": 24, "minimumBlock": 4, "maximumBlock": 16, "minimumAspect": 0.5},
]


def block_mask(stream, case):
    """The union of blocks, and how many patches it holds."""
    rows, columns = case["rows"], case["columns"]
    spread = -math.log(case["minimumAspect"])
    mask = np.zeros((rows, columns), dtype=bool)
    count = 0
    while count < case["visible"]:
        limit = min(case["visible"] - count, case["maximumBlock"])
        for _ in range(10):
            area = stream.uniform(case["minimumBlock"], limit)
            aspect = math.exp(stream.uniform(-spread, spread))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (height < rows and width < columns):
                continue
            top, left = stream.randint(0, rows - height), stream.randint(0, columns - width)
            block = mask[top : top + height, left : left + width]
            new = block.size - int(block.sum())
            if 0 < new <= limit:
                block[...] = True
                count += new
                break
        else:
            break
    return mask, count


def describe(case):
    stream = random.Random(SEED)
    frequency = np.zeros((case["rows"], case["columns"]))
    borders, reached = [], []
    for _ in range(DRAWS):
        mask, count = block_mask(stream, case)
        reached.append(count)
        free = [int(place) for place in np.flatnonzero(~mask)]
        mask.flat[stream.sample(free, case["visible"] - count)] = True
        frequency += mask
        borders.append(int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()))
    return {
        **case,
        "draws": DRAWS,
        "frequency": [round(float(value), 6) for value in (frequency / DRAWS).flat],
        "borderMean": float(np.mean(borders)),
        "borderDeviation": float(np.std(borders)),
        "borderQuantiles": [float(value) for value in np.quantile(borders, [0.1, 0.25, 0.5, 0.75, 0.9])],
        "blocksAloneMean": float(np.mean(reached)),
        "blocksAloneExact": float(np.mean(np.array(reached) == case["visible"])),
    }


if __name__ == "__main__":
    output = pathlib.Path(__file__).parents[2] / "packages/kernels/test/fixtures/masks.json"
    result = {
        "madeBy": "tools/reference/masks.py",
        "numpy": np.__version__,
        "seed": SEED,
        "cases": [describe(case) for case in CASES],
    }
    output.write_text(json.dumps(result) + "\n")
    for case in result["cases"]:
        print(case["rows"], case["columns"], {key: value for key, value in case.items() if key.startswith("b")})
