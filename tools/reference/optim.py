"""PyTorch's and timm's optimizers, gradient clipping, moving averages, layer decay and schedules over 100 steps.

Writes packages/optim/test/fixtures/optim.safetensors (float64):
  start.<name>, gradient.<step>.<name>       what every case but layerDecay begins with and steps along
  <case>/after.<step>.<name>, <case>/norms   the parameters after some steps; the norms before clipping
  averageV2/after.<step>.<name>              timm's ModelEmaV2 of the case adamW; averageV3: ModelEmaV3 with warm-up
  layerDecay/start.<name>, /after.<name>     a small timm ViT; each gradient is cos(step)·parameter + sin(step)/10
  layerDecay/scale.<name>                    the learning rates' scales as timm has them (its last norm is of the last
                                             block's layer, BEiT's of the head's)
  schedule/<case>                            a value for each step

Run with torch 2.15.0, timm 1.0.31, numpy and safetensors:  python tools/reference/optim.py
"""

import math
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from timm.optim import Lars, param_groups_layer_decay
from timm.utils import ModelEmaV2, ModelEmaV3
from torch.optim import lr_scheduler

SEED = 22
STEPS = 100
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


def dino_schedule(base, final, total):
    """The values of `cosine_scheduler` in DINO's utils.py without warm-up, from its formula."""
    return [final + 0.5 * (base - final) * (1 + math.cos(math.pi * i / total)) for i in range(total)]


def has_gradient(key, step):
    """In the cases that end in Late: the bias from step 50 on, the matrix in two of three steps."""
    return step >= 50 if key == "bias" else step % 3 != 1


def watch(name, step, named):
    if step + 1 in WATCHED:
        tensors.update({f"{name}/after.{step + 1}.{key}": value.detach().clone() for key, value in named})


def case(name, make, clip=None, clip_each=False, weight_decay=None, averages=None, late=False):
    model = torch.nn.ParameterDict({key: value.clone() for key, value in start.items()})
    optimizer = make([{"params": [model["matrix"]]}, {"params": [model["bias"]], "weight_decay": 0.0}])
    norms = []
    averages = {key: make_average(model) for key, make_average in (averages or {}).items()}
    for step, group in enumerate(gradients):
        for key, parameter in model.items():
            parameter.grad = group[key].clone() if not late or has_gradient(key, step) else None
        parameters = list(model.values())
        if clip_each:
            norms.append(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters]))
            for parameter in parameters:
                torch.nn.utils.clip_grad_norm_([parameter], clip)
        elif clip is not None:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, clip))
        for param_group in optimizer.param_groups:
            param_group["lr"] = schedule(step)
            if weight_decay is not None and param_group["weight_decay"] > 0:
                param_group["weight_decay"] = weight_decay[step]
        optimizer.step()
        watch(name, step, model.items())
        for key, average in averages.items():
            average.update(model, **({"step": step + 1} if key == "averageV3" else {}))
            watch(key, step, average.module.items())
    if norms:
        tensors[f"{name}/norms"] = torch.stack(norms)


case(
    "adamW",
    lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1),
    averages={
        "averageV2": lambda model: ModelEmaV2(model, decay=0.95),
        "averageV3": lambda model: ModelEmaV3(model, decay=0.96, use_warmup=True, warmup_gamma=2.0, warmup_power=0.75),
    },
)
case("adamWClipped", lambda groups: torch.optim.AdamW(groups, weight_decay=0.05), clip=3.0)
case("adamWClippedEach", lambda groups: torch.optim.AdamW(groups, weight_decay=0.05), clip=3.0, clip_each=True)
case(
    "adamWScheduledDecay",
    lambda groups: torch.optim.AdamW(groups, weight_decay=0.04),
    weight_decay=dino_schedule(0.04, 0.4, STEPS),
)
case("adamWLate", lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1), late=True)
case(
    "sgdNesterovLate",
    lambda groups: torch.optim.SGD(groups, momentum=0.8, nesterov=True, weight_decay=0.01),
    late=True,
)
case("sgd", lambda groups: torch.optim.SGD(groups, weight_decay=0.01))
case("sgdMomentum", lambda groups: torch.optim.SGD(groups, momentum=0.9, weight_decay=0.01), clip=0.5)
case("sgdNesterov", lambda groups: torch.optim.SGD(groups, momentum=0.8, nesterov=True, weight_decay=0.01))


def lars(groups, **options):
    """timm's LARS: the matrix is adapted whatever its decay, the bias never."""
    groups[0]["always_adapt"] = True
    return Lars(groups, **options)


case("lars", lambda groups: lars(groups, momentum=0.9, weight_decay=0.01, trust_coeff=0.02))
case("larsLate", lambda groups: lars(groups, momentum=0.9, weight_decay=0.01, trust_coeff=0.02), late=True)
case("larsPlain", lambda groups: lars(groups, trust_coeff=0.02))
case(
    "larsNesterov",
    lambda groups: lars(groups, momentum=0.8, nesterov=True, weight_decay=0.02, trust_coeff=0.05),
    clip=0.5,
)


class PaperLars(torch.optim.Optimizer):
    """
    LARS from the formulas of section 4 of arXiv 1708.03888, for parameters with more than one axis: what timm's is held
    against here.
    """

    def __init__(self, params, momentum, weight_decay, trust):
        super().__init__(params, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay, "trust": trust})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                local = 1.0
                if w.ndim > 1:
                    local = group["trust"] * w.norm() / (w.grad.norm() + group["weight_decay"] * w.norm())
                v = self.state[w].setdefault("v", torch.zeros_like(w))
                v.mul_(group["momentum"]).add_(local * (w.grad + group["weight_decay"] * w))
                w.sub_(group["lr"] * v)


case("larsFormula", lambda groups: PaperLars(groups, 0.9, 0.01, 0.02))
for key in shapes:
    torch.testing.assert_close(
        tensors[f"larsFormula/after.{STEPS}.{key}"], tensors[f"lars/after.{STEPS}.{key}"], rtol=1e-6, atol=1e-6
    )
tensors = {key: value for key, value in tensors.items() if not key.startswith("larsFormula/")}

torch.manual_seed(SEED)
vit = VisionTransformer(
    img_size=8, patch_size=4, in_chans=1, num_classes=3, embed_dim=4, depth=2, num_heads=2, mlp_ratio=2
).double()
names = {parameter: name for name, parameter in vit.named_parameters()}
groups = param_groups_layer_decay(vit, weight_decay=0.05, no_weight_decay_list=vit.no_weight_decay(), layer_decay=0.65)
for group in groups:
    for parameter in group["params"]:
        tensors[f"layerDecay/scale.{names[parameter]}"] = torch.tensor([group["lr_scale"]], dtype=torch.float64)
# BEiT counts the last norm as what comes after the blocks.
last = [parameter for name, parameter in vit.named_parameters() if name.startswith("norm.")]
groups = [
    group | {"params": [parameter for parameter in group["params"] if not any(parameter is norm for norm in last)]}
    for group in groups
]
groups.append({"params": last, "lr_scale": 1.0, "weight_decay": 0.0})
for parameter, name in names.items():
    torch.nn.init.normal_(parameter)
    tensors[f"layerDecay/start.{name}"] = parameter.detach().clone()
optimizer = torch.optim.AdamW(groups)
for step in range(STEPS):
    for parameter in names:
        parameter.grad = math.cos(step) * parameter.detach() + math.sin(step) / 10
    for group in optimizer.param_groups:
        group["lr"] = schedule(step) * group["lr_scale"]
    optimizer.step()
for parameter, name in names.items():
    tensors[f"layerDecay/after.{name}"] = parameter.detach().clone()


def beit_schedule(base, final, total, warmup, start=0.0):
    """The values of `cosine_scheduler` in BEiT's utils.py, from its formula."""
    rise = np.linspace(start, base, warmup) if warmup > 0 else np.array([])
    fall = [
        final + 0.5 * (base - final) * (1 + math.cos(math.pi * i / (total - warmup))) for i in range(total - warmup)
    ]
    return torch.from_numpy(np.concatenate([rise, np.array(fall)]))


tensors["schedule/warmup"] = beit_schedule(1.5e-3, 1e-5, 100, 12)
tensors["schedule/plain"] = beit_schedule(0.05, 0.0, 30, 0)
tensors["schedule/weightDecay"] = torch.tensor(dino_schedule(0.04, 0.4, 100), dtype=torch.float64)


def torch_schedule(base, make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler = make(optimizer)
    values = []
    for _ in range(STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(values, dtype=torch.float64)


tensors["schedule/constant"] = torch_schedule(0.3, lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1.0))
tensors["schedule/linear"] = torch_schedule(0.3, lambda optimizer: lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 80))
tensors["schedule/step"] = torch_schedule(0.3, lambda optimizer: lr_scheduler.StepLR(optimizer, 30, 0.5))
tensors["schedule/multiStep"] = torch_schedule(
    0.3, lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [20, 50, 51], 0.2)
)
tensors["schedule/warmMultiStep"] = torch_schedule(
    0.3,
    lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.LinearLR(optimizer, 0.01, 1.0, 9), lr_scheduler.MultiStepLR(optimizer, [20, 50], 0.1)],
        milestones=[10],
    ),
)

path = Path(__file__).parents[2] / "packages/optim/test/fixtures/optim.safetensors"
path.parent.mkdir(parents=True, exist_ok=True)
metadata = {
    "command": "python tools/reference/optim.py",
    "torch": torch.__version__,
    "timm": timm.__version__,
    "seed": str(SEED),
}
save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata=metadata)
print(path, path.stat().st_size)
