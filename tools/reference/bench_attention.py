"""Attention, forward and backward, by PyTorch's scaled_dot_product_attention, for `npm run bench`.

Queries, keys and values lie apart and by heads, as the function likes them best. Argument: {"batch", "tokens", "heads",
"headWidth", "precision", "threads"} as JSON. Answers lines of standard input as benchmarks/serve.mjs says.

Needs torch 2.13.0: python tools/reference/bench_attention.py '{"batch": 64, …}'
"""
import json
import sys

import torch
import torch.nn.functional as F
from bench_side import serve

settings = json.loads(sys.argv[1])
torch.set_num_threads(settings["threads"])
shape = [settings[name] for name in ("batch", "heads", "tokens", "headWidth")]
dtype = getattr(torch, settings["precision"])
leaves = [torch.rand(shape).to(dtype).requires_grad_() for _ in range(3)]
gradient = torch.rand(shape).to(dtype)


def step():
    torch.autograd.grad(F.scaled_dot_product_attention(*leaves), leaves, gradient)
    return 1


step()
serve({"version": f"PyTorch {torch.__version__}"}, step)
