"""Fixtures of @splitmask/methods: ten training steps of BEiT with the first step's named gradients.

BEiT (Bao et al. 2021, arXiv 2106.08254) in plain PyTorch, from the paper's text: the embeddings of the masked patches
are replaced by a mask token, all tokens go through the encoder, and a linear head predicts the words of the masked
patches. Twice: `plain` with learned positions alone; `code` with what BEiT's public code adds: a class token, a
relative position bias that all layers share instead of positions, and LayerScale. Masks, weights, pictures and the
codebook are fixed and stored.
Made with torch 2.15.0: python tools/reference/beit.py
"""
import torch
import torch.nn.functional as F
from torch import nn

from model_fixtures import generator, randomise, save
from training_run import (
    IMAGE, METADATA, PATCH, PATCHES, draw_batches, draw_codebook, draw_pictures, images_of, train, words_of,
)

STEPS, BATCH, POOL, HIDDEN = 10, 8, 16, 6
WIDTH, DEPTH, HEADS, VOCABULARY = 24, 2, 3, 32
SIDE = IMAGE // PATCH


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x):
        return x * self.gamma


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, bias):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5
        mixed = (scores + bias).softmax(-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, scaled):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, 1e-6), nn.LayerNorm(WIDTH, 1e-6)
        self.attn, self.mlp = Attention(), Mlp()
        self.ls1, self.ls2 = (Scale(), Scale()) if scaled else (nn.Identity(), nn.Identity())

    def forward(self, x, bias):
        x = x + self.ls1(self.attn(self.norm1(x), bias))
        return x + self.ls2(self.mlp(self.norm2(x)))


class RelativePositions(nn.Module):
    """A number a head for each difference of rows and columns between two patches; three more for pairs with the class
    token: it and a patch, a patch and it, it and itself."""

    def __init__(self):
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * SIDE - 1) ** 2 + 3, HEADS))

    def forward(self):
        table = self.relative_position_bias_table
        patches = table[:-3].reshape(2 * SIDE - 1, 2 * SIDE - 1, HEADS)
        rows, columns = torch.arange(PATCHES) // SIDE, torch.arange(PATCHES) % SIDE
        down, right = rows[:, None] - rows[None], columns[:, None] - columns[None]
        bias = table.new_zeros(HEADS, PATCHES + 1, PATCHES + 1)
        bias[:, 1:, 1:] = patches[down + SIDE - 1, right + SIDE - 1].permute(2, 0, 1)
        bias[:, 0, 1:] = table[-3][:, None]
        bias[:, 1:, 0] = table[-2][:, None]
        bias[:, 0, 0] = table[-1]
        return bias


class PatchEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, as_code):
        super().__init__()
        if as_code:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
            self.rel_pos_bias = RelativePositions()
        else:
            self.pos_embed = nn.Parameter(torch.zeros(1, PATCHES, WIDTH))
        self.patch_embed = PatchEmbedding()
        self.blocks = nn.ModuleList(Block(as_code) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH, 1e-6)
        self.as_code = as_code

    def forward(self, images, masked, mask_token):
        x = torch.where(masked[:, :, None], mask_token, self.patch_embed(images))
        if self.as_code:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1)
            bias = self.rel_pos_bias()
        else:
            x, bias = x + self.pos_embed, 0
        for block in self.blocks:
            x = block(x, bias)
        x = self.norm(x)
        return x[:, 1:] if self.as_code else x


class Beit(nn.Module):
    def __init__(self, as_code):
        super().__init__()
        self.encoder = Encoder(as_code)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.lm_head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, images, words, masked):
        tokens = self.encoder(images, masked, self.mask_token)
        return F.cross_entropy(self.lm_head(tokens[masked]), words[masked])


def fixture(name, seed, as_code):
    g = generator(seed)
    beit = randomise(Beit(as_code), g)
    parameters = dict(beit.named_parameters())
    initial = {"parameter." + name: p.detach().clone() for name, p in parameters.items()}
    pictures = draw_pictures(POOL, g)
    codebook = draw_codebook(VOCABULARY, g)
    draws = draw_batches(STEPS, BATCH, POOL, g)
    permutations = torch.rand((STEPS, BATCH, PATCHES), generator=g).argsort(-1)
    hidden, visible = permutations[:, :, :HIDDEN].sort(-1).values, permutations[:, :, HIDDEN:].sort(-1).values
    words = [words_of(images_of(pictures[draws[step]]), codebook) for step in range(STEPS)]

    def losses_of(step):
        masked = torch.zeros(BATCH, PATCHES, dtype=torch.bool).scatter(1, hidden[step], True)
        return {"inpaint": beit(images_of(pictures[draws[step]]), words[step], masked)}

    records, gradients = train(parameters, initial, losses_of, STEPS)
    save("methods", f"beit-{name}", {
        **initial, **gradients, "pictures": pictures, "draws": draws, "codebook": codebook,
        "words": torch.stack(words), "visible": visible, "hidden": hidden, **records,
    }, METADATA | {"seed": seed, "width": WIDTH, "depth": DEPTH, "heads": HEADS, "vocabulary": VOCABULARY})


fixture("plain", 51, as_code=False)
fixture("code", 52, as_code=True)
