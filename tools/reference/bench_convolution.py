"""A convolution, forward and backward, by PyTorch, for `npm run bench`.

Argument: {"batch", "channels", "height", "width", "outputChannels", "kernel", "stride", "padding", "transposed",
"ofPictures", "layout", "threads"} as JSON; nobody needs the gradient of pictures, and layout is "contiguous_format" or
"channels_last". Answers lines of standard input as benchmarks/serve.mjs says.

Needs torch 2.13.0: python tools/reference/bench_convolution.py '{"batch": 16, …}'
"""
import json
import sys

import torch
import torch.nn.functional as F
from bench_side import serve

settings = json.loads(sys.argv[1])
torch.set_num_threads(settings["threads"])
layout = getattr(torch, settings["layout"])
channels, kernel = (settings["channels"], settings["outputChannels"]), 2 * (settings["kernel"],)
x = torch.rand(settings["batch"], channels[0], settings["height"], settings["width"]).to(memory_format=layout)
weight = torch.rand(*(channels if settings["transposed"] else channels[::-1]), *kernel).to(memory_format=layout)
bias = torch.rand(channels[1])
leaves = [x, weight, bias]
learned = leaves[1:] if settings["ofPictures"] else leaves
for leaf in learned:
    leaf.requires_grad_()
convolution = F.conv_transpose2d if settings["transposed"] else F.conv2d
options = {"stride": settings["stride"], "padding": settings["padding"]}
gradient = torch.rand_like(convolution(*leaves, **options).detach())


def step():
    torch.autograd.grad(convolution(*leaves, **options).relu(), learned, gradient)
    return 1


step()
serve({"version": f"PyTorch {torch.__version__}"}, step)
