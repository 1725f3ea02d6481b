"""timm's vit_small_patch16_224 without its head, for `npm run bench`.

Writes encoder.onnx for onnxruntime, encoder.int8.onnx with its dynamic quantization (weights by output channel), and
encoder.safetensors for @splitmask/vit, with the same random weights.

Needs torch 2.13.0, timm 1.0.31, onnx, onnxscript, onnxruntime, safetensors:
python tools/reference/export_encoder.py FOLDER
"""
import sys
from pathlib import Path

import timm
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import save_file

folder = Path(sys.argv[1])
torch.manual_seed(0)
model = timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=0, global_pool="").eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "encoder.safetensors")
torch.onnx.export(model, (torch.rand(2, 3, 224, 224),), folder / "encoder.onnx", input_names=["pictures"],
                  output_names=["tokens"], dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False,
                  dynamo=True, verbose=False)
quantize_dynamic(folder / "encoder.onnx", folder / "encoder.int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
