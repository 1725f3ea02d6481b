"""Fixtures of @splitmask/methods: a discrete VAE written from its paper (Ramesh et al. 2021, arXiv 2102.12092,
appendix A): residual blocks of convolutions, Gumbel-softmax words, a logit-Laplace likelihood, and the divergence from
the uniform prior.

Loss, its parts and every named gradient of one batch, with logit-Laplace and with squared errors; the words and the
pictures made of them; and the losses of ten training steps (AdamW, a cosine to 0 after two steps of warm-up) with a
temperature that falls and a divergence whose weight rises. Weights, pictures and noise are fixed and stored.
Made with torch 2.15.0: python tools/reference/discrete_vae.py
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from model_fixtures import drawn_pictures, generator, normal, randomise, save, warmed_cosine

SEED, STEPS, BATCH, POOL = 53, 10, 3, 6
IMAGE, WORDS, WIDTH, BLOCKS, EMBEDDING = 16, 12, 4, 1, 6
BASE, WARMUP, DECAY = 2e-3, 2, 1e-4
START, END, ANNEALED = 1.0, 1 / 16, 0.5  # temperature at first and at last; the share of the run in which it falls
WEIGHT, RISEN = 6.6, 0.25  # of the divergence; the share of the run in which it rises
SIDE = IMAGE // 8


class Block(nn.Module):
    def __init__(self, channels, output, gain, kernels):
        super().__init__()
        inner = output // 4
        widths = [channels, inner, inner, inner, output]
        self.gain = gain
        self.id_path = nn.Conv2d(channels, output, 1) if channels != output else None
        self.res_path = nn.ModuleList(
            [nn.Conv2d(widths[i], widths[i + 1], k, padding=k // 2) for i, k in enumerate(kernels)])

    def forward(self, x):
        y = x
        for layer in self.res_path:
            y = layer(F.relu(y))
        return (x if self.id_path is None else self.id_path(x)) + self.gain * y


def blocks_of(first, widths, kernels):
    outputs = [width for width in widths for _ in range(BLOCKS)]
    inputs = [first] + outputs[:-1]
    return nn.ModuleList([Block(a, b, 1 / len(outputs) ** 2, kernels) for a, b in zip(inputs, outputs)])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.input = nn.Conv2d(3, WIDTH, 7, padding=3)
        self.blocks = blocks_of(WIDTH, [WIDTH, 2 * WIDTH, 4 * WIDTH, 8 * WIDTH], [3, 3, 3, 1])
        self.output = nn.Linear(8 * WIDTH, WORDS)

    def forward(self, x):
        x = self.input(x)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if (index + 1) % BLOCKS == 0 and index < len(self.blocks) - 1:
                x = F.max_pool2d(x, 2)
        return self.output(F.relu(x).flatten(2).transpose(1, 2))


class Decoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.words = nn.Parameter(torch.zeros(WORDS, EMBEDDING))
        self.blocks = blocks_of(EMBEDDING, [8 * WIDTH, 4 * WIDTH, 2 * WIDTH, WIDTH], [1, 3, 3, 3])
        self.output = nn.Conv2d(WIDTH, channels, 1)

    def forward(self, shares):
        x = (shares @ self.words).transpose(1, 2).reshape(-1, EMBEDDING, SIDE, SIDE)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if (index + 1) % BLOCKS == 0 and index < len(self.blocks) - 1:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
        return self.output(F.relu(x))


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder(channels)


def cosine(start, end, progress, share):
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress / share)))


def losses(model, images, noise, progress, laplace):
    pixels = 0.8 * (images + 1) / 2 + 0.1
    logits = model.encoder(pixels)
    shares = ((logits + noise) / cosine(START, END, progress, ANNEALED)).softmax(-1)
    decoded = model.decoder(shares)
    if laplace:
        location, log_scale = decoded.chunk(2, 1)
        # −ln f of f(x | μ, b) = exp(−|logit(x) − μ| / b) / (2·b·x·(1 − x)), equation 2 of the appendix.
        reconstruction = -torch.log(
            torch.exp(-(torch.logit(pixels) - location).abs() / log_scale.exp())
            / (2 * log_scale.exp() * pixels * (1 - pixels))).mean()
    else:
        reconstruction = F.mse_loss(decoded, images)
    log_q = logits.log_softmax(-1)
    divergence = F.kl_div(torch.full_like(log_q, -math.log(WORDS)), log_q, reduction="sum", log_target=True)
    divergence = divergence / (images.shape[0] * SIDE**2)
    # Their loss is per pixel and channel, of which a word has 8·8·3.
    weight = cosine(0.0, WEIGHT, progress, RISEN) / (3 * 8**2)
    return reconstruction + weight * divergence, reconstruction, divergence


g = generator(SEED)
pictures = drawn_pictures(POOL, IMAGE, g)
draws = torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in range(STEPS)])
uniform = torch.rand((STEPS, BATCH, SIDE**2, WORDS), generator=g, dtype=torch.float32).double()
noises = -torch.log(-torch.log(uniform)).float().double()


def batch_of(step):
    return (pictures[draws[step]].float() / 127.5 - 1).double(), noises[step]


out = {}
records = {"total": [], "reconstruction": [], "divergence": []}
for label, laplace in (("laplace", True), ("squares", False)):
    model = randomise(Model(6 if laplace else 3), g)
    named = dict(model.named_parameters())
    with torch.no_grad():
        # The gain of the blocks is small: larger weights, so that they matter.
        for name, p in named.items():
            if "res_path" in name and name.endswith("weight"):
                p.copy_((2 * p).float().double())
    out |= {f"{label}.parameter.{name}": p.detach().clone() for name, p in named.items()}
    images, noise = batch_of(0)
    total, reconstruction, divergence = losses(model, images, noise, 0.1, laplace)
    total.backward()
    out |= {f"{label}.total": total, f"{label}.reconstruction": reconstruction, f"{label}.divergence": divergence}
    out |= {f"{label}.gradient.{name}": p.grad.clone() for name, p in named.items()}
    with torch.no_grad():
        words = model.encoder(0.4 * images + 0.5).argmax(-1)
        decoded = model.decoder(F.one_hot(words, WORDS).double())
        painted = ((torch.sigmoid(decoded[:, :3]) - 0.1) / 0.8 * 2 - 1) if laplace else decoded
        out |= {f"{label}.words": words, f"{label}.painted": painted.clamp(-1, 1)}
    if not laplace:
        continue
    has_decay = {name: p.ndim > 1 for name, p in named.items()}
    optimizer = torch.optim.AdamW(
        [{"params": [p for name, p in named.items() if has_decay[name] == decayed], "weight_decay": decay}
         for decayed, decay in ((True, DECAY), (False, 0.0))], lr=BASE, betas=(0.9, 0.999), eps=1e-8)
    for step in range(STEPS):
        images, noise = batch_of(step)
        results = losses(model, images, noise, step / STEPS, laplace)
        optimizer.zero_grad()
        results[0].backward()
        for group in optimizer.param_groups:
            group["lr"] = warmed_cosine(step, BASE, WARMUP, STEPS)
        optimizer.step()
        for name, value in zip(records, results):
            records[name].append(value.detach())
        print(step, *[value.item() for value in results])

save("methods", "discrete-vae", {
    **out, "pictures": pictures, "draws": draws, "noises": noises,
    **{f"steps.{name}": torch.stack(values) for name, values in records.items()},
}, {
    "seed": SEED, "imageSize": IMAGE, "words": WORDS, "width": WIDTH, "blocks": BLOCKS, "embeddingWidth": EMBEDDING,
    "baseRate": BASE, "warmup": WARMUP, "weightDecay": DECAY, "temperature": f"{START} to {END} in {ANNEALED}",
    "divergenceWeight": f"0 to {WEIGHT} in {RISEN}",
})
