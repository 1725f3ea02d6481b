"""The SplitMask step in PyTorch, for `npm run bench`.

The same work as benchmarks/sides/splitmask.mjs, written as a user of PyTorch who minds speed would.

Tokenizing (one product and an argmax), two halves through the encoder as one batch, decoder, inpaint and match losses,
backward, clipping at 3, fused AdamW. The split of each batch is drawn beforehand, as the workers of a data loader
would, and the vocabulary head runs on hidden places only. Argument: the model as JSON, as benchmarks/models.mjs has it,
with "threads", "compiled" and "precision". Answers lines of standard input as benchmarks/serve.mjs says.
Needs torch 2.13.0: python tools/reference/bench_step.py '{"imageSize": 224, …}'
"""
import json
import math
import random
import sys

import torch
import torch.nn.functional as F
from bench_side import serve
from torch import nn

model = json.loads(sys.argv[1])
torch.set_num_threads(model["threads"])
torch.manual_seed(0)
random.seed(0)
WIDTH, HEADS, BATCH, PATCH = model["width"], model["heads"], model["batch"], model["patchSize"]
SIDE = model["imageSize"] // PATCH
PLACES = SIDE * SIDE
VISIBLE = PLACES // 2
WORD_PATCH = model["tokenizerPatch"]
AUTOCAST = model["precision"] == "bfloat16"


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def patches_of(pixels, patch):
    batch, channels, height, width = pixels.shape
    grid = pixels.view(batch, channels, height // patch, patch, width // patch, patch)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * patch * patch)


def gather(tokens, indices):
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[2]))


class SplitMask(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Linear(3 * PATCH * PATCH, WIDTH)
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, PLACES, WIDTH), std=0.02))
        self.blocks = nn.Sequential(*[Block() for _ in range(model["depth"])])
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, WIDTH), std=0.02))
        self.decoder = nn.Sequential(*[Block() for _ in range(model["decoderDepth"])])
        self.decoder_norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, model["vocabulary"])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, pictures, words, visible, hidden):
        tokens = self.patch_embed(patches_of(pictures, PATCH)) + self.pos_embed
        seen = self.norm(self.blocks(gather(torch.cat([tokens, tokens]), visible)))
        masks = (self.mask_token + self.pos_embed).to(seen.dtype).expand(2 * BATCH, -1, -1)
        completed = masks.scatter(1, visible[..., None].expand(-1, -1, WIDTH), seen)
        outputs = self.decoder_norm(self.decoder(completed))
        logits = self.head(gather(outputs, hidden).flatten(0, 1))
        inpaint = F.cross_entropy(logits, torch.cat([words, words]).gather(1, hidden).flatten())
        first, second = F.normalize(outputs.mean(1), dim=1).chunk(2)
        similarity = first @ second.T / 0.2
        own = torch.arange(BATCH)
        return inpaint + 0.5 * (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own))


def halves():
    """A picture's two halves: BEiT's blocks topped up to one half, or places one by one."""
    mask, count = set(), 0
    smallest, largest = max(1, round(PLACES * 16 / 196)), round(PLACES * 75 / 196)
    while model["split"] == "block" and len(mask) < VISIBLE and count < 100:
        count += 1
        area = random.uniform(smallest, max(smallest, min(VISIBLE - len(mask), largest)))
        aspect = math.exp(random.uniform(math.log(0.3), -math.log(0.3)))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if not (0 < height < SIDE and 0 < width < SIDE):
            continue
        top, left = random.randint(0, SIDE - height), random.randint(0, SIDE - width)
        block = {(top + y) * SIDE + left + x for y in range(height) for x in range(width)}
        if len(mask | block) <= VISIBLE:
            mask |= block
    rest = [place for place in range(PLACES) if place not in mask]
    mask |= set(random.sample(rest, VISIBLE - len(mask)))
    return sorted(mask), [place for place in range(PLACES) if place not in mask]


def split():
    """
    Places that each branch sees and does not see: the second sees what the first does not (but one, where their number
    is odd).
    """
    drawn = [halves() for _ in range(BATCH)]
    other = [rest[:VISIBLE] for _, rest in drawn]
    hidden = [sorted(set(range(PLACES)) - set(places)) for places in other]
    return (torch.tensor([places for places, _ in drawn] + other),
            torch.tensor([rest for _, rest in drawn] + hidden))


@torch.no_grad()
def tokenize(pixels):
    return (patches_of(pixels, WORD_PATCH) @ codebook.T).argmax(-1)


net = SplitMask()
codebook = F.normalize(torch.rand(model["vocabulary"], 3 * WORD_PATCH**2) * 2 - 1, dim=1)
pictures = torch.rand(BATCH, 3, SIDE * PATCH, SIDE * PATCH) * 2 - 1
word_pictures = torch.rand(BATCH, 3, SIDE * WORD_PATCH, SIDE * WORD_PATCH) * 2 - 1
splits = [split() for _ in range(4)]
tokens = {"pos_embed", "mask_token"}
decayed = [p for name, p in net.named_parameters() if p.ndim > 1 and name not in tokens]
plain = [p for name, p in net.named_parameters() if p.ndim <= 1 or name in tokens]
optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
                              lr=1e-4, betas=(0.9, 0.98), fused=True)
forward = torch.compile(net) if model["compiled"] else net
words_of = torch.compile(tokenize) if model["compiled"] else tokenize
steps = 0


def step():
    global steps
    visible, hidden = splits[steps % len(splits)]
    steps += 1
    words = words_of(word_pictures)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=AUTOCAST):
        loss = forward(pictures, words, visible, hidden)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 3.0)
    optimizer.step()
    return loss.item()


def one_step():
    step()
    return 1


serve({"version": f"PyTorch {torch.__version__}", "parameters": sum(p.numel() for p in net.parameters()),
       "loss": step()}, one_step)
