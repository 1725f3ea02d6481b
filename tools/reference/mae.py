"""Fixtures of @splitmask/methods: a masked autoencoder written from its paper (He et al. 2021, arXiv 2111.06377).

Loss and every named gradient of one batch, as the method is by default and with class token and plain pixels; pictures
painted with the predictions; and the losses of ten training steps (AdamW with betas 0.9 and 0.95, no decay on vectors
and tokens, a cosine to 0 after two steps of warm-up). Weights, pictures and masks are fixed and stored. The positions
are those of MAE's formula in NumPy.
Made with torch 2.15.0: python tools/reference/mae.py
"""
import math

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from model_fixtures import generator, randomise, save

SEED, STEPS, BATCH, POOL = 43, 10, 6, 8
IMAGE, PATCH, WIDTH, DEPTH, HEADS = 32, 8, 24, 2, 3
DECODER_WIDTH, DECODER_DEPTH, DECODER_HEADS = 16, 1, 2
BASE, WARMUP, DECAY, BETAS = 2e-3, 2, 0.05, (0.9, 0.95)
SIDE = IMAGE // PATCH
PATCHES, VISIBLE = SIDE**2, SIDE**2 // 4


def sine_cosine(width, side):
    """2-D positions: half of the width encodes the column ("w goes first"), half the row; sines, then cosines."""
    columns, rows = numpy.meshgrid(numpy.arange(side, dtype=numpy.float64), numpy.arange(side, dtype=numpy.float64))

    def encode(places, size):
        frequencies = 1 / 10000 ** (numpy.arange(size // 2, dtype=numpy.float64) / (size / 2))
        angles = numpy.outer(places.reshape(-1), frequencies)
        return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1)

    table = numpy.concatenate([encode(columns, width // 2), encode(rows, width // 2)], axis=1)
    # As the float32 numbers that a model holds.
    return torch.from_numpy(table).float().double()


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, d))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.patch_embed = PatchEmbedding()
        self.blocks = nn.Sequential(*[Block(WIDTH, HEADS) for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, 1, DECODER_WIDTH))
        self.blocks = nn.Sequential(*[Block(DECODER_WIDTH, DECODER_HEADS) for _ in range(DECODER_DEPTH)])
        self.norm = nn.LayerNorm(DECODER_WIDTH, eps=1e-6)
        self.head = nn.Linear(DECODER_WIDTH, 3 * PATCH**2)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder_embed = nn.Linear(WIDTH, DECODER_WIDTH)
        self.decoder = Decoder()


encoder_positions, decoder_positions = sine_cosine(WIDTH, SIDE), sine_cosine(DECODER_WIDTH, SIDE)


def patchify(images):
    """B×N×(3·P²), a patch channel by channel."""
    blocks = images.reshape(-1, 3, SIDE, PATCH, SIDE, PATCH)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(-1, PATCHES, 3 * PATCH**2)


def unpatchify(patches):
    blocks = patches.reshape(-1, SIDE, SIDE, 3, PATCH, PATCH)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, IMAGE, IMAGE)


def rows_of(table, indices):
    return torch.gather(table, 1, indices[:, :, None].expand(-1, -1, table.shape[2]))


def predict(model, images, order, class_token):
    """All N predicted patches. `order` B×N: a permutation whose first quarter is visible, as in its figure 1."""
    encoder, decoder = model.encoder, model.decoder
    batch = images.shape[0]
    x = encoder.patch_embed(images) + encoder_positions
    x = rows_of(x, order[:, :VISIBLE])
    if class_token:
        x = torch.cat([encoder.cls_token.expand(batch, -1, -1), x], 1)  # its position is 0
    x = model.decoder_embed(encoder.norm(encoder.blocks(x)))
    prefix, x = (x[:, :1], x[:, 1:]) if class_token else (x[:, :0], x)
    # Mask tokens behind the visible ones, then all back in the places that they come from.
    x = torch.cat([x, decoder.mask_token.expand(batch, PATCHES - VISIBLE, -1)], 1)
    x = rows_of(x, order.argsort(-1)) + decoder_positions
    x = decoder.norm(decoder.blocks(torch.cat([prefix, x], 1)))
    return decoder.head(x[:, prefix.shape[1] :])


def losses(predicted, images, order, normalize):
    """The mean squared error of the hidden patches, and the patches with hidden ones as predicted."""
    patches = patchify(images)
    mean, variance = patches.mean(-1, keepdim=True), patches.var(-1, keepdim=True)  # unbiased, as in MAE's code
    deviation = (variance + 1e-6).sqrt()
    target = (patches - mean) / deviation if normalize else patches
    hidden = torch.ones(images.shape[0], PATCHES).scatter(1, order[:, :VISIBLE], 0)
    loss = (((predicted - target) ** 2).mean(-1) * hidden).sum() / hidden.sum()
    pixels = predicted * deviation + mean if normalize else predicted
    return loss, unpatchify(torch.where(hidden[:, :, None] == 1, pixels, patches))


def rate(step):
    """Step counts from 0: linear from base/WARMUP to base, then cosine to 0 at the last step."""
    if step < WARMUP:
        return BASE * (step + 1) / WARMUP
    return BASE * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


g = generator(SEED)
model = randomise(Model(), g)
named = dict(model.named_parameters())
initial = {name: p.detach().clone() for name, p in named.items()}

# Pictures with structure: a coarse color field and some noise.
coarse = F.interpolate(torch.rand((POOL, 3, 5, 5), generator=g), IMAGE, mode="bicubic")
pictures = ((coarse + 0.1 * torch.randn((POOL, 3, IMAGE, IMAGE), generator=g)).clamp(0, 1) * 255).round().byte()
draws = torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in range(STEPS)])
orders = torch.rand((STEPS, BATCH, PATCHES), generator=g).argsort(-1)


def batch_of(step):
    return (pictures[draws[step]].float() / 127.5 - 1).double(), orders[step]


out = {}
for label, class_token, normalize in (("default", False, True), ("classToken", True, False)):
    model.zero_grad()
    images, order = batch_of(0)
    loss, painted = losses(predict(model, images, order, class_token), images, order, normalize)
    loss.backward()
    out |= {f"{label}.loss": loss, f"{label}.painted": painted[:2]}
    out |= {f"{label}.gradient.{name}": p.grad.clone() for name, p in named.items() if p.grad is not None}

trained = {name: p for name, p in named.items() if name != "encoder.cls_token"}
has_decay = {name: p.ndim > 1 and not name.endswith("mask_token") for name, p in trained.items()}
optimizer = torch.optim.AdamW(
    [{"params": [p for name, p in trained.items() if has_decay[name] == decayed], "weight_decay": decay}
     for decayed, decay in ((True, DECAY), (False, 0.0))], lr=BASE, betas=BETAS, eps=1e-8)
records = []
for step in range(STEPS):
    images, order = batch_of(step)
    loss, _ = losses(predict(model, images, order, False), images, order, True)
    optimizer.zero_grad()
    loss.backward()
    for group in optimizer.param_groups:
        group["lr"] = rate(step)
    optimizer.step()
    records.append(loss.detach())
    print(step, rate(step), loss.item())

save("methods", "mae", {
    **{"parameter." + name: value for name, value in initial.items()},
    "positions.encoder": encoder_positions, "positions.decoder": decoder_positions,
    **out, "pictures": pictures, "draws": draws, "visible": orders[:, :, :VISIBLE].sort(-1).values,
    "hidden": orders[:, :, VISIBLE:].sort(-1).values, "losses": torch.stack(records),
}, {
    "seed": SEED, "imageSize": IMAGE, "patchSize": PATCH, "width": WIDTH, "depth": DEPTH, "heads": HEADS,
    "decoderWidth": DECODER_WIDTH, "decoderDepth": DECODER_DEPTH, "decoderHeads": DECODER_HEADS, "baseRate": BASE,
    "warmup": WARMUP, "weightDecay": DECAY, "betas": BETAS,
})
