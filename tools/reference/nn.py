"""timm's transformer blocks and MLP, and PyTorch's convolutions, with the gradient of every parameter and of the input.

Writes packages/nn/test/fixtures/<name>.safetensors: `input`, `output`, `outputGradient`, `inputGradient`,
`parameter.<name>`, `gradient.<name>`, float32 numbers computed and stored in float64.

Run with torch 2.13.0, timm 1.0.31 and safetensors:  python tools/reference/nn.py
"""

from functools import partial
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from timm.layers import Mlp
from timm.models.vision_transformer import Block

SEED = 21
FOLDER = Path(__file__).parents[2] / "packages/nn/test/fixtures"
generator = torch.Generator().manual_seed(SEED)


def draw(*shape):
    return torch.randn(shape, generator=generator).double()


def fixture(name, module, *shape):
    module = module.double()
    tensors = {}
    for key, parameter in module.named_parameters():
        scale = 1 + 0.2 * draw(*parameter.shape) if "norm" in key and "weight" in key else 0.3 * draw(*parameter.shape)
        parameter.data = scale.float().double()
        tensors[f"parameter.{key}"] = parameter.data.clone()
    x = draw(*shape).requires_grad_()
    output = module(x)
    output_gradient = draw(*output.shape)
    output.backward(output_gradient)
    tensors |= {
        "input": x.detach(),
        "inputGradient": x.grad,
        "output": output.detach(),
        "outputGradient": output_gradient,
    }
    tensors |= {f"gradient.{key}": parameter.grad for key, parameter in module.named_parameters()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    metadata = {
        "command": "python tools/reference/nn.py",
        "torch": torch.__version__,
        "timm": timm.__version__,
        "seed": str(SEED),
    }
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata=metadata)
    print(path, path.stat().st_size)


fixture("block", Block(24, 3, mlp_ratio=4, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6)), 2, 7, 24)
fixture(
    "blockLayerScale",
    Block(16, 2, mlp_ratio=3, qkv_bias=False, init_values=0.1, norm_layer=partial(torch.nn.LayerNorm, eps=1e-5)),
    3, 5, 16,
)
fixture("mlp", Mlp(10, 14, 6), 2, 3, 10)
fixture("conv2d", torch.nn.Conv2d(3, 4, 3, stride=2, padding=1), 2, 3, 7, 6)
fixture("convTranspose2d", torch.nn.ConvTranspose2d(3, 4, 4, stride=3, padding=1, output_padding=2), 2, 3, 3, 4)
