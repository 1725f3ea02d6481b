"""Fixture of principalComponents of @splitmask/eval, from torch.linalg.svd in float64.

Writes packages/eval/test/fixtures/principalComponents.safetensors:
  features     60×12 float32: noise whose directions are mixed, so that no component is an axis; the means are not 0
  components   3×12: the leading right singular vectors of the centred features (either sign is right)
  projections  60×3: the centred features along them
  explained    3: their shares of the whole variance

Run with torch 2.13.0 and safetensors:  python tools/reference/principal_components.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

FIXTURE = Path(__file__).resolve().parents[2] / "packages/eval/test/fixtures/principalComponents.safetensors"

generator = torch.Generator().manual_seed(7)
draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
# The second and the third direction are nearly as strong as each other.
scales = torch.tensor([3.0, 1.5, 1.4] + [0.6] * 9)
mixing = torch.linalg.qr(draw(12, 12)).Q
features = (draw(60, 12) * scales @ mixing + draw(12) * 4).float()

centred = features.double() - features.double().mean(0)
_, values, rows = torch.linalg.svd(centred, full_matrices=False)
components = rows[:3]
variances = values.square()
save_file(
    {
        "features": features,
        "components": components.float().contiguous(),
        "projections": (centred @ components.T).float().contiguous(),
        "explained": (variances[:3] / variances.sum()).float(),
    },
    FIXTURE,
    {"command": "python tools/reference/principal_components.py", "torch": torch.__version__},
)
print((variances / variances.sum())[:4])
