"""Fixtures for augmentation, from Pillow, torchvision and timm.

Command: python tools/reference/augmentations.py      (from the repository's root)
Versions: Pillow 13.0.0, torch 2.13.0, torchvision 0.28.0, timm 1.0.31, numpy 2.4.6, safetensors. Seed 11.
Writes packages/augmentation/test/fixtures/augmentations.safetensors:
  picture.<name>     uint8 H×W×C
  output.<number>    uint8 H×W×C, what case <number> gives
  mixup.images       float32 6×2×5×7; mixup.labels int32 [6]; mixup.<mode>.images, mixup.<mode>.targets: timm's Mixup
                     with the draws of the metadata
Metadata, JSON:
  cases   a list; number i is {"picture", and "operation" (operations.ts) or "plan" (AugmentationPlan) or "rule" (a crop
          rule), "size"}
  levels  what timm's RandAugment makes of magnitudes: [operation, increasing, magnitude, argument]
  mixup   by mode: lam, use_cutmix and the boxes [top, bottom, left, right]
"""

import json
import os
import random

import numpy
import torch
import timm.data.mixup
from PIL import Image
from safetensors.numpy import save_file
from timm.data.auto_augment import LEVEL_TO_ARG, NAME_TO_OP
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

generator = numpy.random.default_rng(11)


def picture(height, width, low=0, high=255, channels=3):
    """Colours of all hues, hard edges, some noise, between two levels."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    smooth = numpy.stack(
        [127 + 120 * numpy.sin(x / 5 + 2 * c) * numpy.cos(y / 7 - c) for c in range(channels)], axis=-1
    )
    smooth[height // 3 : height // 3 + 3] = 255
    smooth[:, width // 2 : width // 2 + 2] = 0
    smooth[: height // 5, : width // 5] = 90
    noisy = numpy.clip(smooth + generator.normal(0, 12, smooth.shape), 0, 255)
    return (low + noisy / 255 * (high - low)).astype(numpy.uint8)


pictures = {
    "photo": picture(24, 24),
    "dull": picture(24, 24, 60, 171),
    "flat": numpy.full((8, 8, 3), 77, dtype=numpy.uint8),
    "gray": picture(24, 24, channels=1),
    "wide": picture(37, 53),
    "tall": picture(50, 31),
}
tensors = {f"picture.{name}": pixels for name, pixels in pictures.items()}
cases = []


def image(name):
    pixels = pictures[name]
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def add(name, output, size, **description):
    pixels = numpy.asarray(output)
    tensors[f"output.{len(cases)}"] = numpy.ascontiguousarray(pixels[:, :, None] if pixels.ndim == 2 else pixels)
    cases.append({"picture": name, "size": size, **description})


def operate(name, output, **operation):
    add(name, output, pictures[name].shape[0], operation=operation)


def torch_hue(name, factor):
    operate(name, F.adjust_hue(image(name), factor), kind="hue", factor=factor)


for name in ("photo", "dull", "gray"):
    for factor in (0.0, 0.35, 1.0, 1.27, 1.9):
        operate(name, F.adjust_brightness(image(name), factor), kind="brightness", factor=factor)
        operate(name, F.adjust_contrast(image(name), factor), kind="contrast", factor=factor)
        operate(name, F.adjust_saturation(image(name), factor), kind="saturation", factor=factor)
        operate(name, F.adjust_sharpness(image(name), factor), kind="sharpness", factor=factor)
    for factor in (-0.5, -0.31, -0.04, 0.0, 0.1, 0.25, 0.5):
        torch_hue(name, factor)
    operate(name, F.to_grayscale(image(name), len(image(name).getbands())), kind="grayscale")
    for threshold in (0, 1, 128, 200, 256):
        operate(name, NAME_TO_OP["Solarize"](image(name), threshold), kind="solarize", threshold=threshold)
    for added in (0, 60, 110):
        operate(name, NAME_TO_OP["SolarizeAdd"](image(name), added), kind="solarizeAdd", add=added, threshold=128)
    for bits in (0, 1, 4, 7, 8):
        output = NAME_TO_OP["Posterize"](image(name), bits) if bits > 0 else image(name).point(lambda _: 0)
        operate(name, output, kind="posterize", bits=bits)
    for kernel_size, sigma in ((23, 0.1), (23, 0.6), (23, 2.0), (5, 1.5), (3, 8.0), (41, 12.0)):
        output = F.gaussian_blur(image(name), [kernel_size, kernel_size], [sigma, sigma])
        operate(name, output, kind="gaussianBlur", kernelSize=kernel_size, sigma=sigma)
for name in ("photo", "dull", "flat", "gray"):
    operate(name, NAME_TO_OP["Invert"](image(name)), kind="invert")
    operate(name, NAME_TO_OP["AutoContrast"](image(name)), kind="autoContrast")
    operate(name, NAME_TO_OP["Equalize"](image(name)), kind="equalize")

resamples = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
for interpolation, resample in resamples.items():
    for name, fill in (("photo", (124, 116, 104)), ("gray", 128)):
        arguments = {"resample": resample, "fillcolor": fill}
        geometry = {"interpolation": interpolation, "fill": fill}
        for degrees in (-27.3, -3.1, 11.7, 30.0, 0.0):
            output = NAME_TO_OP["Rotate"](image(name), degrees, **dict(arguments))
            operate(name, output, kind="rotate", degrees=degrees, **geometry)
        for factor in (-0.27, 0.113, 0.3):
            for operation, kind in (("ShearX", "shearX"), ("ShearY", "shearY")):
                output = NAME_TO_OP[operation](image(name), factor, **dict(arguments))
                operate(name, output, kind=kind, factor=factor, **geometry)
        for share in (-0.405, 0.137, 0.45):
            for operation, kind in (("TranslateXRel", "translateX"), ("TranslateYRel", "translateY")):
                output = NAME_TO_OP[operation](image(name), share, **dict(arguments))
                operate(name, output, kind=kind, share=share, **geometry)

modes = {"bicubic": InterpolationMode.BICUBIC, "bilinear": InterpolationMode.BILINEAR}
for interpolation, mode in modes.items():
    for name, top, left, height, width, size in (
        ("wide", 0, 0, 37, 53, 20),
        ("wide", 7, 13, 20, 33, 16),
        ("tall", 11, 3, 19, 25, 26),
        ("tall", 10, 2, 40, 29, 11),
    ):
        for horizontal, vertical in ((False, False), (True, False), (False, True)):
            output = F.resized_crop(image(name), top, left, height, width, [size, size], mode)
            output = F.hflip(output) if horizontal else F.vflip(output) if vertical else output
            crop = {"cropY": top, "cropX": left, "cropHeight": height, "cropWidth": width}
            plan = {**crop, "flip": horizontal, "verticalFlip": vertical}
            add(name, output, size, plan={**plan, "confined": True, "interpolation": interpolation})
    for name, resize, crop in (("wide", 20, 16), ("tall", 19, 12), ("tall", 31, 31), ("wide", 43, 20)):
        pipeline = transforms.Compose([transforms.Resize(resize, mode), transforms.CenterCrop(crop)])
        add(name, pipeline(image(name)), crop, rule={"resize": resize, "crop": crop, "interpolation": interpolation})

levels = []
random.random = lambda: 0.25  # timm then takes the positive sign
increasing_names = {"Posterize", "Solarize", "Color", "Contrast", "Brightness", "Sharpness"}
color_operations = ("Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast", "Brightness", "Sharpness")
for operation in ("Rotate", *color_operations, "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"):
    for increasing in (False, True):
        name = operation + ("Increasing" if increasing and operation in increasing_names else "")
        for magnitude in (0, 2, 4.9, 7, 9, 10):
            levels.append([operation, increasing, magnitude, float(LEVEL_TO_ARG[name](magnitude, {})[0])])

images = generator.normal(0, 1, (6, 2, 5, 7)).astype(numpy.float32)
labels = numpy.array([0, 3, 1, 1, 2, 3], dtype=numpy.int32)
tensors["mixup.images"] = images
tensors["mixup.labels"] = labels
mixup = {
    "batch": {"lam": [0.3], "cutmix": [False], "boxes": []},
    "cutmix": {"lam": [0.6], "cutmix": [True], "boxes": [[1, 4, 0, 3]]},
    "pair": {"lam": [0.8, 0.35, 1.0], "cutmix": [False, True, True], "boxes": [[2, 5, 3, 7]]},
    "elem": {
        "lam": [0.8, 0.35, 1.0, 0.1, 0.5, 0.9],
        "cutmix": [False, True, False, False, True, False],
        "boxes": [[0, 2, 1, 6], [3, 5, 0, 7]],
    },
}
for mode, draws in mixup.items():
    boxes = iter(draws["boxes"])
    timm.data.mixup.rand_bbox = lambda *_, **__: next(boxes)
    rule = timm.data.mixup.Mixup(
        mixup_alpha=1, cutmix_alpha=1, mode="batch" if mode == "cutmix" else mode, label_smoothing=0.1, num_classes=4
    )
    rule._params_per_batch = lambda: (draws["lam"][0], draws["cutmix"][0])
    rule._params_per_elem = lambda _: (numpy.array(draws["lam"], dtype=numpy.float32), numpy.array(draws["cutmix"]))
    mixed, targets = rule(torch.from_numpy(images.copy()), torch.from_numpy(labels))
    tensors[f"mixup.{mode}.images"] = mixed.numpy()
    tensors[f"mixup.{mode}.targets"] = targets.numpy().astype(numpy.float32)

path = os.path.join(os.path.dirname(__file__), "../../packages/augmentation/test/fixtures/augmentations.safetensors")
save_file(
    tensors, path, metadata={"cases": json.dumps(cases), "levels": json.dumps(levels), "mixup": json.dumps(mixup)}
)
print(len(cases), "cases,", os.path.getsize(path), "bytes")
