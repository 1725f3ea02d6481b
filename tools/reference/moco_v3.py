"""Fixtures of @splitmask/methods: MoCo v3 written from its paper (Chen et al. 2021, arXiv 2104.02057, algorithm 1).

Loss and every named gradient of one batch of two views; and ten training steps (SGD with momentum, a cosine to 0 after
two steps of warm-up): losses, and the momentum encoder and the running statistics of all batch norms after them. Not
AdamW, which makes steps of the rounding where a gradient is 0, as behind the encoder's last norm. The patch projection
is not trained. Weights and views are fixed and stored.
Made with torch 2.15.0, timm 1.0.31: python tools/reference/moco_v3.py
"""
import math

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model_fixtures import drawn_pictures, generator, normal, randomise, save, warmed_cosine

SEED, STEPS, BATCH, POOL = 53, 10, 12, 16
IMAGE, PATCH, WIDTH, DEPTH, HEADS = 32, 8, 12, 2, 2
HIDDEN, OUT, TEMPERATURE, MOMENTUM = 20, 14, 0.2, 0.9
BASE, WARMUP = 2e-2, 2


def sine_cosine(width, side):
    """2-D positions: half of the width encodes the row, half the column; sines, then cosines."""
    frequencies = 1 / 10000 ** (torch.arange(width // 4) / (width / 4))
    angles = torch.arange(side)[:, None] * frequencies
    encoded = torch.cat([angles.sin(), angles.cos()], 1)
    rows, columns = encoded[:, None].expand(-1, side, -1), encoded[None].expand(side, -1, -1)
    return torch.cat([rows, columns], -1).reshape(1, side**2, width)


class Encoder(VisionTransformer):
    def __init__(self):
        super().__init__(img_size=IMAGE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=0,
                         class_token=False, global_pool="")
        self.pos_embed.requires_grad_(False)
        for parameter in self.patch_embed.parameters():
            parameter.requires_grad_(False)

    def forward(self, images):
        return self.norm(self.blocks(self.patch_embed(images) + self.pos_embed)).mean(1)


class Mlp(nn.Module):
    """Linear layers with batch norms and ReLU between them; the last norm has no weights."""

    def __init__(self, *widths):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:])])
        self.norms = nn.ModuleList([nn.BatchNorm1d(b, affine=b_is_hidden)
                                    for b, b_is_hidden in zip(widths[1:], [True] * (len(widths) - 2) + [False])])

    def forward(self, x):
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            x = norm(layer(x if index == 0 else x.relu()))
        return x


class Momentum(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.projector = Encoder(), Mlp(WIDTH, HIDDEN, HIDDEN, OUT)

    def forward(self, images):
        return self.projector(self.encoder(images))


class Model(Momentum):
    def __init__(self):
        super().__init__()
        self.predictor = Mlp(OUT, HIDDEN, OUT)

    def forward(self, images):
        return self.predictor(super().forward(images))


def contrast(queries, keys):
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / TEMPERATURE
    return 2 * TEMPERATURE * F.cross_entropy(logits, torch.arange(len(queries)))


def step_loss(model, teacher, views):
    queries = [model(view) for view in views]
    with torch.no_grad():
        keys = [teacher(view) for view in views]
    return contrast(queries[0], keys[1]) + contrast(queries[1], keys[0])


def follow(teacher, model, momentum):
    """Parameters are averaged; batch norms have running statistics of their own."""
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in teacher.named_parameters():
            parameter.mul_(momentum).add_((1 - momentum) * own[name])


def state(module, prefix):
    kept = {key: value for key, value in module.state_dict().items() if "num_batches" not in key}
    return {prefix + key: value.clone() for key, value in kept.items()}


g = generator(SEED)
model = randomise(Model(), g)
with torch.no_grad():
    # No unit of a hidden layer is always active: its norm's bias would get no gradient.
    for name, parameter in model.named_parameters():
        if "norms" in name and name.endswith("weight"):
            parameter.copy_((1 + normal(parameter.shape, 0.2, g)).float().double())
    model.encoder.pos_embed.copy_(sine_cosine(WIDTH, IMAGE // PATCH).float().double())
teacher = Momentum().double()
own = dict(model.named_parameters())
with torch.no_grad():
    for name, parameter in teacher.named_parameters():
        moved = own[name].requires_grad
        parameter.copy_((own[name] + (normal(parameter.shape, 0.05, g) if moved else 0)).float().double())
teacher.requires_grad_(False)
initial = state(model, "") | state(teacher, "teacher.")

# Pictures with structure: a coarse color field and some noise.
pictures = drawn_pictures(POOL, IMAGE, g)
draws = torch.stack([torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in range(2)]) for _ in range(STEPS)])


def views_of(step):
    return [(pictures[own].float() / 127.5 - 1).double() for own in draws[step]]


named = {name: p for name, p in model.named_parameters() if p.requires_grad}
optimizer = torch.optim.SGD(named.values(), lr=BASE, momentum=0.9)
out, records = {}, []
for step in range(STEPS):
    loss = step_loss(model, teacher, views_of(step))
    optimizer.zero_grad()
    loss.backward()
    if step == 0:
        out = {"loss": loss, **{f"gradient.{name}": p.grad.clone() for name, p in named.items()}}
    for group in optimizer.param_groups:
        group["lr"] = warmed_cosine(step, BASE, WARMUP, STEPS)
    optimizer.step()
    follow(teacher, model, 1 - (1 - MOMENTUM) * 0.5 * (1 + math.cos(math.pi * step / STEPS)))
    records.append(loss.detach())
    print(step, warmed_cosine(step, BASE, WARMUP, STEPS), loss.item())

after = state(teacher, "teacher.") | {key: value for key, value in state(model, "").items() if "running" in key}
save("methods", "mocov3", {
    **{"parameter." + name: value for name, value in initial.items()}, **out,
    "pictures": pictures, "draws": draws, "losses": torch.stack(records),
    **{"after." + name: value for name, value in after.items()},
}, {"seed": SEED})
