"""What the fixture scripts of training runs share: pictures, words, the optimizer's groups, the schedule and the loop.

AdamW without decay on vectors, positions and tokens; gradients clipped to a global norm of 1; a cosine schedule after
two steps of linear warm-up (rates stored).
"""
import math

import torch
import torch.nn.functional as F

IMAGE, PATCH = 32, 8
PATCHES = (IMAGE // PATCH) ** 2
BASE, MINIMUM, WARMUP, DECAY, CLIP = 2e-3, 1e-5, 2, 0.05, 1.0
UNDECAYED = ("pos_embed", "mask_token", "cls_token", "relative_position_bias_table")


def draw_pictures(count, g):
    """Pictures with structure: a coarse colour field, larger in the middle frequencies, and some noise."""
    coarse = F.interpolate(torch.rand((count, 3, 5, 5), generator=g), IMAGE, mode="bicubic")
    return ((coarse + 0.1 * torch.randn((count, 3, IMAGE, IMAGE), generator=g)).clamp(0, 1) * 255).round().byte()


def draw_codebook(vocabulary, g):
    return F.normalize(torch.rand((vocabulary, 3 * PATCH**2), generator=g) * 2 - 1, dim=1).float().double()


def draw_batches(steps, batch, pictures, g):
    """Which pictures are in each step's batch."""
    return torch.stack([torch.randperm(pictures, generator=g)[:batch] for _ in range(steps)])


def images_of(pictures):
    return (pictures.float() / 127.5 - 1).double()


def words_of(images, codebook):
    side = IMAGE // PATCH
    patches = (
        images.reshape(-1, 3, side, PATCH, side, PATCH).permute(0, 2, 4, 1, 3, 5).reshape(-1, PATCHES, 3 * PATCH**2)
    )
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
    return parameter.ndim > 1 and not name.endswith(UNDECAYED)


def train(parameters, initial, losses_of, steps):
    """From the first weights (by name, with the prefix "parameter."). losses_of(step) gives the losses by name; their
    sum is minimised. Returns the records and the first step's gradients."""
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(initial["parameter." + name])
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in parameters.items() if has_decay(n, p)], "weight_decay": DECAY},
            {"params": [p for n, p in parameters.items() if not has_decay(n, p)], "weight_decay": 0.0},
        ], lr=BASE, betas=(0.9, 0.999), eps=1e-8)
    records, gradients = {}, {}
    for step in range(steps):
        losses = losses_of(step)
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        if step == 0:
            gradients = {"gradient." + name: p.grad.clone() for name, p in parameters.items()}
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        optimizer.step()
        for key, value in {**losses, "total": total, "norm": norm, "rate": torch.tensor(rate(step, steps))}.items():
            records.setdefault(key, []).append(value.detach())
        if step < 10 or step % 50 == 49:
            print(step, {key: value.item() for key, value in losses.items()}, norm.item())
    return {key: torch.stack(values) for key, values in records.items()}, gradients


METADATA = {
    "imageSize": IMAGE, "patchSize": PATCH, "baseRate": BASE, "minimumRate": MINIMUM, "warmup": WARMUP,
    "weightDecay": DECAY, "clip": CLIP,
}
