"""Fixtures of @splitmask/methods: DINO written from its paper (Caron et al. 2021, arXiv 2104.14294, algorithm 1).

Loss, every named gradient and the mean of the teacher's outputs of one batch of two global and two local views, with
prototypes that are trained and with frozen ones; and ten training steps (AdamW, each tensor's gradient clipped, a
cosine to 0 after two steps of warm-up, weight decay along a cosine, a temperature that warms up, prototypes frozen in
the first step): losses, and teacher and center after them. Weights and views are fixed and stored.
Made with torch 2.15.0, timm 1.0.31: python tools/reference/dino.py
"""
import math

import torch
import torch.nn.functional as F
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model_fixtures import drawn_pictures, generator, normal, randomise, save, warmed_cosine

SEED, STEPS, BATCH, POOL = 47, 10, 6, 8
IMAGE, LOCAL, PATCH, WIDTH, DEPTH, HEADS = 32, 16, 8, 12, 2, 2
HIDDEN, BOTTLENECK, PROTOTYPES, LOCALS = 32, 16, 40, 2
STUDENT_TEMPERATURE, TEMPERATURES, TEMPERATURE_WARMUP = 0.1, (0.04, 0.07), 0.3
MOMENTUM, CENTER_MOMENTUM, CLIP, FROZEN = 0.9, 0.8, 0.05, 1
BASE, WARMUP, DECAYS, BETAS = 2e-3, 2, (0.04, 0.4), (0.9, 0.999)


class Encoder(VisionTransformer):
    def __init__(self):
        super().__init__(img_size=IMAGE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=0,
                         class_token=False, global_pool="", dynamic_img_size=True)

    def forward(self, images):
        """The mean of the patches' outputs; positions of smaller crops are interpolated."""
        x = self.patch_embed(images)
        rows, columns = x.shape[1:3]
        x = x.flatten(1, 2) + resample_abs_pos_embed(self.pos_embed, (rows, columns), num_prefix_tokens=0)
        return self.norm(self.blocks(x)).mean(1)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.ModuleList([nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, BOTTLENECK)])
        self.last_layer = nn.Linear(BOTTLENECK, PROTOTYPES, bias=False)

    def forward(self, x):
        x = self.mlp[2](F.gelu(self.mlp[1](F.gelu(self.mlp[0](x)))))
        # Weight normalization without a gain.
        weight = self.last_layer.weight
        return F.normalize(x, dim=-1) @ (weight / weight.norm(dim=1, keepdim=True)).T


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = Encoder(), Head()

    def forward(self, images):
        return self.head(self.encoder(images))


def step_losses(student, teacher, center, views, temperature):
    """The loss over all pairs of different views, and the mean of the teacher's outputs."""
    with torch.no_grad():
        taught = [teacher(view) for view in views[:2]]
        targets = [((t - center) / temperature).softmax(-1) for t in taught]
    said = [(student(view) / STUDENT_TEMPERATURE).log_softmax(-1) for view in views]
    terms = [-(targets[t] * said[s]).sum(-1).mean() for t in range(2) for s in range(len(views)) if s != t]
    return sum(terms) / len(terms), torch.cat(taught).mean(0, keepdim=True)


def cosine(first, last, step):
    return last + 0.5 * (first - last) * (1 + math.cos(math.pi * step / STEPS))


def temperature(step):
    return TEMPERATURES[0] + (TEMPERATURES[1] - TEMPERATURES[0]) * min(1, step / STEPS / TEMPERATURE_WARMUP)


g = generator(SEED)
student = randomise(Network(), g)
teacher = Network().double()
with torch.no_grad():
    for own, other in zip(teacher.parameters(), student.parameters()):
        own.copy_((other + normal(other.shape, 0.05, g)).float().double())
        own.requires_grad_(False)
center = normal((1, PROTOTYPES), 0.1, g)
named = {"student." + name: p for name, p in student.named_parameters()}
initial = {name: p.detach().clone() for name, p in [*named.items(), *teacher.named_parameters()]}
initial["center"] = center.clone()


pools = [drawn_pictures(POOL, IMAGE, g)] * 2 + [drawn_pictures(POOL, LOCAL, g)] * LOCALS
draws = torch.stack([torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in pools]) for _ in range(STEPS)])


def views_of(step):
    return [(pool[own].float() / 127.5 - 1).double() for pool, own in zip(pools, draws[step])]


out = {}
for label, step, frozen in (("trained", STEPS, False), ("frozen", 0, True)):
    student.zero_grad()
    student.head.last_layer.weight.requires_grad_(not frozen)
    loss, mean = step_losses(student, teacher, center, views_of(0), temperature(step))
    loss.backward()
    out |= {f"{label}.loss": loss, f"{label}.center": mean}
    out |= {f"{label}.gradient.{name}": p.grad.clone() for name, p in named.items() if p.requires_grad}
student.head.last_layer.weight.requires_grad_(True)

has_decay = {name: p.ndim > 1 and not name.endswith("pos_embed") for name, p in named.items()}
optimizer = torch.optim.AdamW(
    [{"params": [p for name, p in named.items() if has_decay[name] == decayed], "decayed": decayed}
     for decayed in (True, False)], lr=BASE, betas=BETAS, eps=1e-8)
records = []
for step in range(STEPS):
    loss, mean = step_losses(student, teacher, center, views_of(step), temperature(step))
    optimizer.zero_grad()
    loss.backward()
    for parameter in student.parameters():
        norm = parameter.grad.norm()
        parameter.grad.mul_(min(1, CLIP / (norm.item() + 1e-6)))
    if step < FROZEN:
        student.head.last_layer.weight.grad = None
    for group in optimizer.param_groups:
        group["lr"] = warmed_cosine(step, BASE, WARMUP, STEPS)
        group["weight_decay"] = cosine(*DECAYS, step) if group["decayed"] else 0.0
    optimizer.step()
    momentum = cosine(MOMENTUM, 1, step)
    with torch.no_grad():
        for own, other in zip(teacher.parameters(), student.parameters()):
            own.mul_(momentum).add_((1 - momentum) * other)
        center = center * CENTER_MOMENTUM + mean * (1 - CENTER_MOMENTUM)
    records.append(loss.detach())
    print(step, warmed_cosine(step, BASE, WARMUP, STEPS), loss.item())

save("methods", "dino", {
    **{"parameter." + name: value for name, value in initial.items()}, **out,
    "pictures": pools[0], "crops": pools[-1], "draws": draws, "losses": torch.stack(records),
    **{"after." + name: p for name, p in teacher.named_parameters()}, "after.center": center,
}, {"seed": SEED})
