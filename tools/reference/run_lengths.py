"""Fixtures for the run lengths of COCO masks, from pycocotools.

Command: python tools/reference/run_lengths.py      (from the repository's root)
Versions: pycocotools 2.0.11, numpy 2.4.6, safetensors. Seed 3.
Writes packages/data/test/fixtures/runLengths.safetensors, for each of 12 masks:
  <number>.mask   uint8 W×H, 1 inside: the mask column by column
  <number>.packed uint8, the text that mask.encode gives
"""

import os

import numpy
from pycocotools import mask as coco
from safetensors.numpy import save_file

generator = numpy.random.default_rng(3)


def disc(height, width):
    y, x = numpy.mgrid[0:height, 0:width]
    return ((y - height / 3) ** 2 + (x - width / 2) ** 2 < (height / 4) ** 2).astype(numpy.uint8)


def noise(height, width, share):
    return (generator.random((height, width)) < share).astype(numpy.uint8)


masks = [
    numpy.zeros((1, 1), numpy.uint8),
    numpy.ones((1, 1), numpy.uint8),
    numpy.ones((5, 3), numpy.uint8),
    numpy.zeros((4, 7), numpy.uint8),
    noise(9, 11, 0.5),
    noise(1, 40, 0.3),
    noise(40, 1, 0.7),
    noise(64, 48, 0.02),
    noise(64, 48, 0.98),
    disc(61, 97),
    disc(120, 83),
    numpy.pad(numpy.ones((3, 20), numpy.uint8), ((300, 99), (120, 10))),
]
tensors = {}
for number, mask in enumerate(masks):
    packed = coco.encode(numpy.asfortranarray(mask))["counts"]
    tensors[f"{number}.mask"] = numpy.ascontiguousarray(mask.T)
    tensors[f"{number}.packed"] = numpy.frombuffer(packed, numpy.uint8)

os.makedirs("packages/data/test/fixtures", exist_ok=True)
save_file(tensors, "packages/data/test/fixtures/runLengths.safetensors")
