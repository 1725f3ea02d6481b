"""PyTorch's AdamW, SGD, gradient clipping and BEiT's schedule over 60 steps.

Writes packages/optim/test/fixtures/optim.safetensors (float64): `<case>/start.<name>`, `<case>/gradient.<step>.<name>`, `<case>/after.<step>.<name>` for some
steps, and `schedule/<case>`.

Run with torch 2.13.0, numpy and safetensors:  python tools/reference/optim.py
"""

import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

SEED = 22
STEPS = 60
generator = torch.Generator().manual_seed(SEED)
tensors = {}
shapes = {"matrix": (5, 4), "bias": (5,)}
WATCHED = (1, 2, 10, STEPS)

# Gradients of very different sizes, and some zeros.
gradients = [
    {key: (torch.randn(shape, generator=generator) * 10 ** (step % 5 - 2)).double() for key, shape in shapes.items()}
    for step in range(STEPS)
]
for step in range(3):
    gradients[step]["bias"][0] = 0
start = {key: torch.randn(shape, generator=generator).double() for key, shape in shapes.items()}
for step, group in enumerate(gradients):
    tensors |= {f"gradient.{step}.{key}": value for key, value in group.items()}
tensors |= {f"start.{key}": value for key, value in start.items()}


def schedule(step):
    return 0.01 * (1 + math.cos(step / 10))


def case(name, make, clip=None):
    parameters = {key: value.clone().requires_grad_() for key, value in start.items()}
    optimizer = make([{"params": [parameters["matrix"]]}, {"params": [parameters["bias"]], "weight_decay": 0.0}])
    norms = []
    for step, group in enumerate(gradients):
        for key, parameter in parameters.items():
            parameter.grad = group[key].clone()
        if clip is not None:
            norms.append(torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip))
        for param_group in optimizer.param_groups:
            param_group["lr"] = schedule(step)
        optimizer.step()
        if step + 1 in WATCHED:
            tensors.update({f"{name}/after.{step + 1}.{key}": value.detach().clone() for key, value in parameters.items()})
    if norms:
        tensors[f"{name}/norms"] = torch.stack(norms)


case("adamW", lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1))
case("adamWClipped", lambda groups: torch.optim.AdamW(groups, weight_decay=0.05), clip=3.0)
case("sgd", lambda groups: torch.optim.SGD(groups, weight_decay=0.01))
case("sgdMomentum", lambda groups: torch.optim.SGD(groups, momentum=0.9, weight_decay=0.01), clip=0.5)
case("sgdNesterov", lambda groups: torch.optim.SGD(groups, momentum=0.8, nesterov=True, weight_decay=0.01))


def beit_schedule(base, final, total, warmup, start=0.0):
    """The values of `cosine_scheduler` in BEiT's utils.py, from its formula."""
    rise = np.linspace(start, base, warmup) if warmup > 0 else np.array([])
    fall = [final + 0.5 * (base - final) * (1 + math.cos(math.pi * i / (total - warmup))) for i in range(total - warmup)]
    return torch.from_numpy(np.concatenate([rise, np.array(fall)]))


tensors["schedule/warmup"] = beit_schedule(1.5e-3, 1e-5, 100, 12)
tensors["schedule/plain"] = beit_schedule(0.05, 0.0, 30, 0)

path = Path(__file__).parents[2] / "packages/optim/test/fixtures/optim.safetensors"
path.parent.mkdir(parents=True, exist_ok=True)
metadata = {"command": "python tools/reference/optim.py", "torch": torch.__version__, "seed": str(SEED)}
save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata=metadata)
print(path, path.stat().st_size)
