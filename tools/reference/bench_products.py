"""Matrix products of the libraries that Python has, for `npm run bench`.

One step is every product of a list once: "NN", "NT" or "TN" says whether the factors are transposed in memory.
Argument: {"products": [{"m", "n", "k", "transposes"}, …], "library", "threads"} as JSON; library is "onednn" (its inner
product, through PyTorch), "torch" (what torch.mm chooses) or "numpy" (the OpenBLAS in numpy's package).

Needs torch 2.13.0, numpy and threadpoolctl: python tools/reference/bench_products.py '{"products": [], …}'
"""
import json
import sys

import numpy as np
import torch
from bench_side import serve

settings = json.loads(sys.argv[1])
library, threads = settings["library"], settings["threads"]
torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def operands(product):
    """The factors a (m×k) and b (k×n) as they lie in memory, and the output m×n."""
    m, n, k = product["m"], product["n"], product["k"]
    a = torch.rand(k, m).T if product["transposes"][0] == "T" else torch.rand(m, k)
    b = torch.rand(n, k).T if product["transposes"][1] == "T" else torch.rand(k, n)
    return a, b, torch.empty(m, n)


def multiply_by_onednn(a, b, _):
    torch.ops.mkldnn._linear_pointwise(a, b.T, None, "none", [], "")


def multiply_by_torch(a, b, output):
    torch.mm(a, b, out=output)


def multiply_by_numpy(a, b, output):
    np.matmul(a, b, out=output)


multiply = {"onednn": multiply_by_onednn, "torch": multiply_by_torch, "numpy": multiply_by_numpy}[library]
products = [operands(product) for product in settings["products"]]
version = f"PyTorch {torch.__version__}"
if library == "numpy":
    from threadpoolctl import threadpool_info, threadpool_limits

    limits = threadpool_limits(threads)
    blas = next(each for each in threadpool_info() if each["internal_api"] == "openblas")
    version = f"OpenBLAS {blas['version']} in numpy {np.__version__}, {blas['architecture']}"
    products = [tuple(each.numpy() for each in product) for product in products]


def step():
    for product in products:
        multiply(*product)
    return 1


step()
serve({"version": version}, step)
