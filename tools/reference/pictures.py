"""Fixtures for crop, resize and interpolation, from Pillow and PyTorch.

Command: python tools/reference/pictures.py      (from the repository's root)
Versions: Pillow 13.0.0, torch 2.13.0, numpy 2.4.6, safetensors. Seed 7.
Writes packages/kernels/test/fixtures/pictures.safetensors:
  <case>.picture  uint8 H×W×3
  <case>.box      float64 [cropY, cropX, cropHeight, cropWidth]
  <case>.<filter> uint8 h×w×3, Image.resize(box=...) with filter bicubic or bilinear
  matrix.<output>.<input>.<antialias>
                  float32 output×input, torch.nn.functional.interpolate(mode="bicubic") of the identity
"""

import os

import numpy
import torch
from PIL import Image
from safetensors.numpy import save_file

generator = numpy.random.default_rng(7)


def picture(height, width):
    """Smooth colours, hard black and white edges (so that cubic weights overshoot) and noise."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    smooth = numpy.stack([127 + 120 * numpy.sin(x / 5 + c) * numpy.cos(y / 7 - c) for c in range(3)], axis=-1)
    smooth[height // 3 : height // 3 + 4] = 255
    smooth[:, width // 2 : width // 2 + 3] = 0
    noise = generator.normal(0, 25, smooth.shape)
    return numpy.clip(smooth + noise, 0, 255).astype(numpy.uint8)


cases = {
    # name: (H, W), (cropY, cropX, cropHeight, cropWidth), (h, w)
    "whole": ((48, 64), (0, 0, 48, 64), (24, 24)),
    "same": ((33, 29), (0, 0, 33, 29), (33, 29)),
    "enlarge": ((20, 31), (3, 5, 11, 9), (32, 37)),
    "reduce": ((97, 83), (10, 7, 80, 70), (16, 19)),
    "fraction": ((50, 61), (2.25, 3.75, 40.5, 50.125), (28, 30)),
    "corner": ((40, 40), (29, 30, 11, 10), (16, 16)),
    "pixel": ((1, 1), (0, 0, 1, 1), (8, 8)),
    "thin": ((3, 70), (0, 11, 3, 50), (24, 24)),
}

tensors = {}
for name, ((height, width), (top, left, cropHeight, cropWidth), (outHeight, outWidth)) in cases.items():
    pixels = picture(height, width) if height > 1 else numpy.array([[[12, 130, 251]]], dtype=numpy.uint8)
    image = Image.fromarray(pixels)
    tensors[f"{name}.picture"] = pixels
    tensors[f"{name}.box"] = numpy.array([top, left, cropHeight, cropWidth], dtype=numpy.float64)
    for filterName, resample in (("bicubic", Image.BICUBIC), ("bilinear", Image.BILINEAR)):
        box = (left, top, left + cropWidth, top + cropHeight)
        tensors[f"{name}.{filterName}"] = numpy.asarray(image.resize((outWidth, outHeight), resample, box=box)).copy()

for output, size in ((14, 8), (8, 14), (28, 14), (5, 5), (3, 16), (7, 1), (1, 6)):
    identity = torch.eye(size)[None, None]  # the second axis keeps its size, so the result is the matrix
    for antialias in (True, False):
        result = torch.nn.functional.interpolate(
            identity, size=(output, size), mode="bicubic", align_corners=False, antialias=antialias
        )
        tensors[f"matrix.{output}.{size}.{int(antialias)}"] = result[0, 0].contiguous().numpy()

path = "packages/kernels/test/fixtures/pictures.safetensors"
os.makedirs(os.path.dirname(path), exist_ok=True)
save_file(
    tensors,
    path,
    metadata={"command": "python tools/reference/pictures.py", "pillow": "13.0.0", "torch": "2.13.0", "seed": "7"},
)
print(path, os.path.getsize(path))
