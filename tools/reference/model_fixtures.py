"""What the fixture scripts of the model packages share: float32 values, float64 arithmetic, one safetensors file each.

Every parameter and input is drawn in float32 and computed on in float64, so that a fixture holds the true value of
what a float32 implementation should give. Keys: `input.*`, `parameter.*` (state dict names), `output.*`, `gradient.*`.
"""
import math
import os
import sys

import safetensors.torch
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def generator(seed):
    return torch.Generator().manual_seed(seed)


def normal(shape, std, g):
    """Float64 numbers that float32 can hold."""
    return (torch.randn(shape, generator=g, dtype=torch.float32) * std).double()


def randomise(module, g):
    """Parameters that exercise everything: no zero biases, no norm weights of 1. Returns the module in float64."""
    module.double()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "gamma")):
                parameter.copy_(1 + normal(parameter.shape, 0.2, g))
            elif parameter.ndim >= 2 and not name.endswith(("pos_embed", "cls_token", "mask_token")):
                fan_in = parameter[0].numel()
                parameter.copy_(normal(parameter.shape, fan_in**-0.5, g))
            else:
                parameter.copy_(normal(parameter.shape, 0.2, g))
            parameter.copy_(parameter.float().double())
    return module


def warmed_cosine(step, base, warmup, steps):
    """Step counts from 0: linear from base/warmup to base, then cosine to 0 at the last step."""
    if step < warmup:
        return base * (step + 1) / warmup
    return base * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def drawn_pictures(count, side, g):
    """Pictures with structure, bytes count×3×side×side: a coarse color field and some noise."""
    coarse = F.interpolate(torch.rand((count, 3, 5, 5), generator=g), side, mode="bicubic")
    return ((coarse + 0.1 * torch.randn((count, 3, side, side), generator=g)).clamp(0, 1) * 255).round().byte()


def save(package, name, tensors, metadata):
    """Writes packages/<package>/test/fixtures/<name>.safetensors, floats as float32 and integers as int32."""
    path = os.path.join(ROOT, "packages", package, "test", "fixtures", name + ".safetensors")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    stored = {}
    for key, value in tensors.items():
        value = value.detach()
        if value.dtype in (torch.float64, torch.float32):
            value = value.float()
        elif value.dtype != torch.uint8:
            value = value.int()
        stored[key] = value.contiguous().clone()
    metadata = {k: str(v) for k, v in metadata.items()}
    metadata |= {"torch": torch.__version__, "python": sys.version.split()[0]}
    metadata["command"] = "python tools/reference/" + os.path.basename(sys.argv[0])
    safetensors.torch.save_file(stored, path, metadata)
    print(f"{os.path.relpath(path, ROOT)}: {os.path.getsize(path)} bytes")
