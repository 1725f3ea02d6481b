"""Fixtures of @splitmask/methods: LeJEPA written from its paper (Balestriero and LeCun 2025, arXiv 2511.08544,
algorithms 1 and 2).

Loss, its parts and every named gradient of one batch of two global and two local views; and ten training steps (AdamW,
a cosine to 0 after two steps of warm-up): losses, and the running statistics of the projector's norms after them.
Weights, views and directions are fixed and stored.
Made with torch 2.15.0, timm 1.0.31: python tools/reference/lejepa.py
"""

import torch
import torch.nn.functional as F
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model_fixtures import drawn_pictures, generator, randomise, save, warmed_cosine

SEED, STEPS, BATCH, POOL = 59, 10, 8, 12
IMAGE, LOCAL, PATCH, WIDTH, DEPTH, HEADS = 32, 16, 8, 12, 2, 2
HIDDEN, OUT, SLICES, LAMBDA, LOCALS = 20, 10, 24, 0.05, 2
BASE, WARMUP, DECAY = 5e-4, 2, 0.05


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


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(WIDTH, HIDDEN, bias=False), nn.Linear(HIDDEN, HIDDEN, bias=False),
                                     nn.Linear(HIDDEN, OUT)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(HIDDEN), nn.BatchNorm1d(HIDDEN)])

    def forward(self, x):
        for layer, norm in zip(self.layers, self.norms):
            x = norm(layer(x)).relu()
        return self.layers[2](x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.projector = Encoder(), Projector()


def sigreg(x, directions):
    """Algorithm 1: the Epps–Pulley statistic of each direction (M), by the trapezoidal rule."""
    t = torch.linspace(-5, 5, 17)
    gaussian = torch.exp(-0.5 * t**2)
    angles = (x @ directions.T)[:, :, None] * t
    characteristic = torch.exp(1j * angles).mean(0)
    error = (characteristic - gaussian).abs().square() * gaussian
    return torch.trapezoid(error, t, dim=1) * x.shape[0]


def step_losses(model, views, directions):
    """Algorithm 2, with the embeddings of all views through the projector's norms together."""
    embeddings = model.projector(torch.cat([model.encoder(view) for view in views]))
    embeddings = embeddings.reshape(len(views), -1, OUT)
    prediction = (embeddings[:2].mean(0) - embeddings).square().mean()
    regularization = torch.stack([sigreg(view, directions).mean() for view in embeddings]).mean()
    return (1 - LAMBDA) * prediction + LAMBDA * regularization, prediction, regularization


g = generator(SEED)
model = randomise(Model(), g)
named = dict(model.named_parameters())
initial = {key: value.clone() for key, value in model.state_dict().items() if "num_batches" not in key}


pools = [drawn_pictures(POOL, IMAGE, g)] * 2 + [drawn_pictures(POOL, LOCAL, g)] * LOCALS
draws = torch.stack([torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in pools]) for _ in range(STEPS)])
directions = F.normalize(torch.randn((STEPS, SLICES, OUT), generator=g), dim=-1).float().double()


def views_of(step):
    return [(pool[own].float() / 127.5 - 1).double() for pool, own in zip(pools, draws[step])]


has_decay = {name: p.ndim > 1 and not name.endswith("pos_embed") for name, p in named.items()}
optimizer = torch.optim.AdamW(
    [{"params": [p for name, p in named.items() if has_decay[name] == decayed], "weight_decay": decay}
     for decayed, decay in ((True, DECAY), (False, 0.0))], lr=BASE, eps=1e-8)
out, records = {}, []
for step in range(STEPS):
    loss, prediction, regularization = step_losses(model, views_of(step), directions[step])
    optimizer.zero_grad()
    loss.backward()
    if step == 0:
        out = {"loss": loss, "prediction": prediction, "sigreg": regularization,
               **{f"gradient.{name}": p.grad.clone() for name, p in named.items()}}
    for group in optimizer.param_groups:
        group["lr"] = warmed_cosine(step, BASE, WARMUP, STEPS)
    optimizer.step()
    records.append(loss.detach())
    print(step, loss.item(), prediction.item(), regularization.item())

save("methods", "lejepa", {
    **{"parameter." + name: value for name, value in initial.items()}, **out,
    "pictures": pools[0], "crops": pools[-1], "draws": draws, "directions": directions, "losses": torch.stack(records),
    **{"after." + key: value for key, value in model.state_dict().items() if "running" in key},
}, {"seed": SEED})
