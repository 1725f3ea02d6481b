"""Fixtures of @splitmask/methods: ten training steps of SplitMask with the first step's named gradients, and the loss curve of 300 steps.

Weights, pictures, splits and the codebook are fixed and stored. AdamW without decay on vectors, positions and tokens;
gradients clipped to a global norm of 1; a cosine schedule after two steps of linear warm-up (rates stored).
Made with torch 2.13.0, timm 1.0.31: python tools/reference/splitmask.py
"""
import math

import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer

from model_fixtures import generator, normal, randomise, save
from splitmask_model import Decoder, splitmask_losses

SEED, STEPS, CURVE_STEPS, BATCH, POOL = 41, 10, 300, 8, 16
IMAGE, PATCH, WIDTH, DEPTH, HEADS, VOCABULARY = 32, 8, 32, 2, 2, 64
BASE, MINIMUM, WARMUP, DECAY, CLIP = 2e-3, 1e-5, 2, 0.05, 1.0
PATCHES = (IMAGE // PATCH) ** 2

g = generator(SEED)
vit = randomise(
    VisionTransformer(img_size=IMAGE, patch_size=PATCH, num_classes=0, fc_norm=False, embed_dim=WIDTH, depth=DEPTH,
                      num_heads=HEADS, class_token=False, global_pool="avg"), g)
decoder = randomise(Decoder(WIDTH, 2, HEADS, VOCABULARY, PATCHES), g)
modules = {"encoder": vit, "decoder": decoder}
parameters = {f"{m}.{name}": p for m, module in modules.items() for name, p in module.named_parameters()}
initial = {"parameter." + name: p.detach().clone() for name, p in parameters.items()}

# Pictures with structure: a coarse colour field, larger in the middle frequencies, and some noise.
coarse = F.interpolate(torch.rand((POOL, 3, 5, 5), generator=g), IMAGE, mode="bicubic")
pictures = ((coarse + 0.1 * torch.randn((POOL, 3, IMAGE, IMAGE), generator=g)).clamp(0, 1) * 255).round().byte()
codebook = F.normalize(torch.rand((VOCABULARY, 3 * PATCH**2), generator=g) * 2 - 1, dim=1).float().double()
draws = torch.stack([torch.randperm(POOL, generator=g)[:BATCH] for _ in range(STEPS)])
permutations = torch.rand((STEPS, BATCH, PATCHES), generator=g).argsort(-1)
first, second = (permutations[:, :, h].sort(-1).values for h in (slice(0, PATCHES // 2), slice(PATCHES // 2, None)))


def words_of(images):
    side = IMAGE // PATCH
    patches = images.reshape(-1, 3, side, PATCH, side, PATCH).permute(0, 2, 4, 1, 3, 5).reshape(-1, PATCHES, 3 * PATCH**2)
    similarity = patches @ codebook.T
    top = similarity.topk(2).values
    assert (top[..., 0] - top[..., 1]).min() > 1e-5, "a near tie: take another seed"
    return similarity.argmax(-1)


def rate(step, steps):
    """Step counts from 0: linear from base/WARMUP to base, then cosine to the minimum at the last step."""
    if step < WARMUP:
        return BASE * (step + 1) / WARMUP
    return MINIMUM + (BASE - MINIMUM) * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP)))


def has_decay(name, parameter):
    return parameter.ndim > 1 and not name.endswith(("pos_embed", "mask_token", "cls_token"))


def train(steps):
    """From the first weights; after the last batch the batches and splits begin anew. Returns the records and the first step's gradients."""
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(initial["parameter." + name])
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in parameters.items() if has_decay(n, p)], "weight_decay": DECAY},
            {"params": [p for n, p in parameters.items() if not has_decay(n, p)], "weight_decay": 0.0},
        ], lr=BASE, betas=(0.9, 0.999), eps=1e-8)
    records, gradients = {"inpaint": [], "match": [], "total": [], "norm": [], "rate": []}, {}
    for step in range(steps):
        batch = step % STEPS
        images = (pictures[draws[batch]].float() / 127.5 - 1).double()
        inpaint, match = splitmask_losses(vit, decoder, images, words[batch], first[batch], second[batch])
        optimizer.zero_grad()
        (inpaint + match).backward()
        if step == 0:
            gradients = {"gradient." + name: p.grad.clone() for name, p in parameters.items()}
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        optimizer.step()
        for key, value in {"inpaint": inpaint, "match": match, "total": inpaint + match, "norm": norm,
                           "rate": torch.tensor(rate(step, steps))}.items():
            records[key].append(value.detach())
        if step < 10 or step % 50 == 49:
            print(step, inpaint.item(), match.item(), norm.item())
    return {key: torch.stack(values) for key, values in records.items()}, gradients


words = [words_of((pictures[draws[step]].float() / 127.5 - 1).double()) for step in range(STEPS)]
records, gradients = train(STEPS)
curve, _ = train(CURVE_STEPS)

metadata = {
    "seed": SEED, "timm": timm.__version__, "imageSize": IMAGE, "patchSize": PATCH, "width": WIDTH, "depth": DEPTH,
    "heads": HEADS, "vocabulary": VOCABULARY, "baseRate": BASE, "minimumRate": MINIMUM, "warmup": WARMUP,
    "weightDecay": DECAY, "clip": CLIP,
}
save("methods", "splitmask-weights", initial, metadata)
save("methods", "splitmask-gradients", gradients, metadata)
save("methods", "splitmask-steps", {
    "pictures": pictures, "draws": draws, "codebook": codebook, "words": torch.stack(words),
    "first": first, "second": second, **records,
    **{f"curve.{key}": curve[key] for key in ("inpaint", "match")},
}, metadata)
