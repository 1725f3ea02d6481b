"""Every operation of @splitmask/autograd in PyTorch, with every gradient.

Writes packages/autograd/test/fixtures/ops.safetensors. For each case: `<operation>/<case>/inputs/<name>`, `…/output`,
`…/outputGradient` and `…/gradients/<name>` for each input that has one. Inputs are float32 numbers; everything is
computed and stored in float64.

Run with torch 2.13.0, numpy and safetensors:  python tools/reference/ops.py
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20
generator = torch.Generator().manual_seed(SEED)
tensors = {}


def draw(*shape, low=None, high=None):
    """Normal numbers, or uniform ones in [low, high), that float32 holds exactly."""
    if low is None:
        values = torch.randn(shape, generator=generator)
    else:
        values = low + (high - low) * torch.rand(shape, generator=generator)
    return values.double()


def indices(*shape, below):
    return torch.randint(below, shape, generator=generator, dtype=torch.int32)


def case(name, function, **inputs):
    leaves = {
        # Rounded, so that float32 and float64 begin with the same numbers.
        key: value.float().double().requires_grad_() if value.is_floating_point() else value
        for key, value in inputs.items()
    }
    output = function(**leaves)
    output_gradient = draw(*output.shape)
    output.backward(output_gradient)
    for key, leaf in leaves.items():
        tensors[f"{name}/inputs/{key}"] = leaf.detach().clone().contiguous()
        if leaf.grad is not None:
            tensors[f"{name}/gradients/{key}"] = leaf.grad.clone().contiguous()
    tensors[f"{name}/output"] = output.detach().clone().contiguous()
    tensors[f"{name}/outputGradient"] = output_gradient.contiguous()


binary = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
}
for name, function in binary.items():
    away = dict(low=0.5, high=2.0)  # divisors away from 0
    case(f"{name}/same", function=lambda a, b, f=function: f(a, b), a=draw(3, 5), b=draw(3, 5, **away))
    case(f"{name}/row", function=lambda a, b, f=function: f(a, b), a=draw(2, 3, 5), b=draw(5, **away))
    case(f"{name}/both", function=lambda a, b, f=function: f(a, b), a=draw(2, 1, 5, 1), b=draw(3, 1, 4, **away))
    case(
        f"{name}/scalar", function=lambda a, b, f=function: f(a, b), a=torch.tensor(1.5).double(), b=draw(4, 3, **away)
    )

unary = {
    "negate": (torch.neg, {}),
    "exp": (torch.exp, {}),
    "log": (torch.log, dict(low=0.1, high=3.0)),
    "sqrt": (torch.sqrt, dict(low=0.1, high=3.0)),
    "rsqrt": (torch.rsqrt, dict(low=0.1, high=3.0)),
    "square": (torch.square, {}),
    "reciprocal": (torch.reciprocal, dict(low=0.2, high=3.0)),
    "absolute": (torch.abs, {}),
    "tanh": (torch.tanh, {}),
    "sigmoid": (torch.sigmoid, {}),
    "relu": (torch.relu, {}),
    "gelu": (F.gelu, {}),
}
for name, (function, domain) in unary.items():
    case(f"{name}/plain", function, input=draw(4, 9, **domain))
case("gelu/tails", F.gelu, input=torch.tensor([-30.0, -9.0, -4.0, -1e-3, 0.0, 1e-3, 4.0, 9.0, 30.0]).double())

case("affine/plain", lambda x: -1.5 * x + 0.25, x=draw(3, 7))
case("sum/all", lambda x: x.sum(), x=draw(3, 4, 5))
case("sum/last", lambda x: x.sum(-1), x=draw(3, 4, 5))
case("sum/outer", lambda x: x.sum((0, 1), keepdim=True), x=draw(3, 4, 5))
case("sum/apart", lambda x: x.sum((0, 2)), x=draw(3, 4, 5, 2))
case("sum/meanMiddle", lambda x: x.mean(1), x=draw(3, 4, 5))
case("sum/meanAll", lambda x: x.mean(), x=draw(3, 4, 5))

case("matmul/plain", lambda a, b: a @ b, a=draw(5, 7), b=draw(7, 3))
case("matmul/transposeB", lambda a, b: a @ b.mT, a=draw(5, 7), b=draw(3, 7))
case("matmul/transposeA", lambda a, b: a.mT @ b, a=draw(7, 5), b=draw(7, 3))
case("matmul/transposeBoth", lambda a, b: a.mT @ b.mT, a=draw(7, 5), b=draw(3, 7))
case("matmul/batched", lambda a, b: 0.5 * (a @ b), a=draw(2, 3, 4, 6), b=draw(2, 3, 6, 5))
case("matmul/batchedTransposed", lambda a, b: a.mT @ b.mT, a=draw(3, 6, 4), b=draw(3, 5, 6))
case("matmul/sharedB", lambda a, b: a @ b.mT, a=draw(2, 3, 4), b=draw(5, 4))
case("matmul/sharedBTransposedA", lambda a, b: a.mT @ b, a=draw(2, 4, 3), b=draw(4, 5))
case("matmul/sharedBTransposedBoth", lambda a, b: a.mT @ b.mT, a=draw(2, 4, 3), b=draw(5, 4))
case("matmul/sharedA", lambda a, b: a @ b, a=draw(3, 4), b=draw(2, 4, 5))
case("matmul/sharedATransposed", lambda a, b: a.mT @ b.mT, a=draw(4, 3), b=draw(2, 5, 4))

case("linear/plain", lambda x, weight: F.linear(x, weight), x=draw(6, 5), weight=draw(4, 5))
case("linear/bias", F.linear, input=draw(2, 3, 5), weight=draw(4, 5), bias=draw(4))
case(
    "linear/gelu",
    lambda x, weight, bias: F.linear(F.gelu(x), weight, bias),
    x=draw(2, 3, 5), weight=draw(4, 5), bias=draw(4),
)
case(
    "linear/residual",
    lambda x, weight, bias, residual: F.linear(x, weight, bias) + residual,
    x=draw(2, 3, 5), weight=draw(4, 5), bias=draw(4), residual=draw(2, 3, 4),
)
case(
    "linear/geluResidual",
    lambda x, weight, bias, residual: F.linear(F.gelu(x), weight, bias) + residual,
    x=draw(2, 3, 5), weight=draw(4, 5), bias=draw(4), residual=draw(2, 3, 4),
)

case(
    "layerNorm/affine",
    lambda x, weight, bias: F.layer_norm(x, (17,), weight, bias, 1e-6),
    x=draw(2, 3, 17), weight=draw(17), bias=draw(17),
)
case("layerNorm/plain", lambda x: F.layer_norm(x, (8,), eps=1e-3), x=3 + 0.01 * draw(5, 8))
case("softmax/plain", lambda x: x.softmax(-1), x=5 * draw(3, 4, 9))
case("logSoftmax/plain", lambda x: x.log_softmax(-1), x=5 * draw(3, 4, 9))


def attention(qkv, heads, scale=None):
    batch, tokens, width = qkv.shape
    q, k, v = qkv.reshape(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(q, k, v, scale=scale)
    return y.transpose(1, 2).reshape(batch, tokens, width // 3)


case("attention/heads", lambda qkv: attention(qkv, 3), qkv=draw(2, 7, 36))
case("attention/scale", lambda qkv: attention(qkv, 1, 0.7), qkv=draw(1, 5, 15))

case("reshape/plain", lambda x: x.reshape(4, 6), x=draw(2, 3, 4))
case("permute/three", lambda x: x.permute(2, 0, 1), x=draw(2, 3, 4))
case("permute/transpose", lambda x: x.mT, x=draw(2, 5, 4))
case("slice/outer", lambda x: x[1:3], x=draw(4, 3, 2))
case("slice/inner", lambda x: x[:, 1:3], x=draw(3, 4, 2))
case("slice/negative", lambda x: x[..., -2:], x=draw(3, 4))
case("concatenate/outer", lambda a, b: torch.cat((a, b), 0), a=draw(2, 3), b=draw(4, 3))
case("concatenate/inner", lambda a, b, c: torch.cat((a, b, c), 1), a=draw(2, 1, 3), b=draw(2, 2, 3), c=draw(2, 3, 3))
case("concatenate/twice", lambda a: torch.cat((a, a), -1), a=draw(2, 3))


def gather(x, indices):
    if x.ndim == 2:
        return x[indices.long()]
    return x.gather(1, indices.long().unsqueeze(-1).expand(-1, -1, x.shape[-1]))


def scatter(x, indices, tokens):
    zeros = torch.zeros(x.shape[0], tokens, x.shape[2], dtype=x.dtype)
    return zeros.scatter_add(1, indices.long().unsqueeze(-1).expand_as(x), x)


case("gatherTokens/batched", gather, x=draw(2, 6, 3), indices=indices(2, 4, below=6))
case("gatherTokens/table", gather, x=draw(6, 3), indices=indices(3, 4, below=6))
case("scatterTokens/plain", lambda x, indices: scatter(x, indices, 7), x=draw(2, 4, 3), indices=indices(2, 4, below=7))

case("scaleRows/rows", lambda x, scale: x * scale.unsqueeze(-1), x=draw(2, 3, 5), scale=draw(2, 3))
case(
    "scaleRows/samplesResidual",
    lambda x, scale, residual: x * scale[:, None, None] + residual,
    x=draw(2, 3, 5), scale=draw(2), residual=draw(2, 3, 5),
)
case("scaleColumns/plain", lambda x, scale: x * scale, x=draw(2, 3, 5), scale=draw(5))
case(
    "scaleColumns/residual",
    lambda x, scale, residual: x * scale + residual,
    x=draw(2, 3, 5), scale=draw(5), residual=draw(2, 3, 5),
)
case("l2Normalize/plain", lambda x: F.normalize(x, dim=-1), x=draw(2, 3, 7))
case("l2Normalize/short", lambda x: F.normalize(x, dim=-1, eps=10.0), x=draw(3, 4))

case(
    "crossEntropy/mean",
    lambda logits, targets: F.cross_entropy(logits, targets.long()),
    logits=3 * draw(6, 9),
    targets=indices(6, below=9),
)
case(
    "crossEntropy/sumSmoothed",
    lambda logits, targets: F.cross_entropy(logits, targets.long(), reduction="sum", label_smoothing=0.1),
    logits=draw(6, 9), targets=indices(6, below=9),
)
case(
    "crossEntropy/none",
    lambda logits, targets: F.cross_entropy(logits, targets.long(), reduction="none"),
    logits=draw(6, 9), targets=indices(6, below=9),
)


def excluding(logits, targets):
    rows = torch.arange(logits.shape[0])
    masked = logits.masked_fill(torch.eye(*logits.shape).roll(2, 1).bool(), float("-inf"))
    assert not bool((targets == rows + 2).any())
    return F.cross_entropy(masked, targets.long())


case(
    "crossEntropy/excludeDiagonal",
    excluding,
    logits=draw(5, 9),
    targets=torch.tensor([0, 1, 2, 3, 4], dtype=torch.int32),
)
for name, smoothing in {"plain": 0.0, "smoothed": 0.1}.items():
    case(
        f"linearCrossEntropy/{name}",
        lambda x, weight, bias, targets, smoothing=smoothing: F.cross_entropy(
            F.linear(x, weight, bias), targets.long(), label_smoothing=smoothing
        ),
        x=draw(7, 4), weight=draw(11, 4), bias=draw(11), targets=indices(7, below=11),
    )
case(
    "linearCrossEntropy/withoutBias",
    lambda x, weight, targets: F.cross_entropy(F.linear(x, weight), targets.long()),
    x=draw(7, 4), weight=draw(11, 4), targets=indices(7, below=11),
)


def mlp(x, weight, bias, gamma, beta, out):
    normalised = F.layer_norm(x, x.shape[-1:], gamma, beta, eps=1e-6)
    return F.linear(F.gelu(F.linear(normalised, weight, bias)), out) + x


# The output of a layer norm that a following layer needs again in its backward pass, and GELU while the next layer
# reads.
for name in ["linear/behindNormAndGelu", "checkpoint/mlp"]:
    case(name, mlp, x=draw(5, 4), weight=draw(6, 4), bias=draw(6), gamma=draw(4), beta=draw(4), out=draw(4, 6))

case("erf/plain", torch.erf, input=draw(4, 9))

for name, options in {
    "mean": dict(),
    "sumSmoothed": dict(reduction="sum", label_smoothing=0.1),
    "noneSmoothed": dict(reduction="none", label_smoothing=0.2),
}.items():
    case(
        f"softCrossEntropy/{name}",
        lambda logits, targets, options=options: F.cross_entropy(logits, targets, **options),
        logits=3 * draw(6, 9), targets=draw(6, 9, low=0, high=1).softmax(1),
    )
# Rows of targets that are no distributions: the gradient's softmax has their sum as its factor.
case("softCrossEntropy/weighted", F.cross_entropy, input=draw(5, 7), target=draw(5, 7, low=0, high=1))

case(
    "mlp/residual",
    lambda x, weight1, bias1, weight2, bias2, residual: F.linear(F.gelu(F.linear(x, weight1, bias1)), weight2, bias2)
    + residual,
    x=draw(2, 3, 5), weight1=draw(8, 5), bias1=draw(8), weight2=draw(4, 8), bias2=draw(4), residual=draw(2, 3, 4),
)
case("mlp/behindNorm", mlp, x=draw(5, 4), weight=draw(6, 4), bias=draw(6), gamma=draw(4), beta=draw(4), out=draw(4, 6))
case("sin/plain", torch.sin, input=4 * draw(4, 9))
case("cos/plain", torch.cos, input=4 * draw(4, 9))

for name, x in {"batch": 2 + draw(9, 5), "single": draw(6, 1)}.items():
    case(
        f"batchNorm/{name}",
        lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, training=True),
        x=x, weight=draw(x.shape[1]), bias=draw(x.shape[1]),
    )
case("batchNorm/plain", lambda x: F.batch_norm(x, None, None, training=True, eps=1e-3), x=draw(4, 7))
case(
    "batchNorm/running",
    lambda x, mean, variance, weight, bias: F.batch_norm(x, mean.detach(), variance.detach(), weight, bias),
    x=draw(3, 6), mean=draw(6), variance=draw(6, low=0.5, high=2), weight=draw(6), bias=draw(6),
)

for name, (x, weight, options) in {
    "plain": ((2, 3, 6, 5), (4, 3, 3, 3), dict()),
    "padded": ((2, 3, 7, 5), (4, 3, 3, 3), dict(padding=1)),
    "stride": ((2, 2, 8, 6), (3, 2, 4, 4), dict(stride=2, padding=1)),
    "strideOdd": ((1, 2, 9, 8), (3, 2, 3, 3), dict(stride=2, padding=1)),
    "large": ((2, 3, 9, 10), (2, 3, 7, 7), dict(padding=3)),
    "point": ((2, 5, 3, 4), (6, 5, 1, 1), dict()),
    "pointStride": ((2, 3, 5, 4), (2, 3, 1, 1), dict(stride=2)),
    "oblong": ((1, 2, 5, 9), (3, 2, 1, 4), dict(stride=3)),
    "relu": ((2, 3, 6, 6), (4, 3, 3, 3), dict(padding=1)),
    "pointRelu": ((2, 5, 4, 4), (3, 5, 1, 1), dict()),
}.items():
    activation = F.relu if name.endswith(("relu", "Relu")) else lambda y: y
    case(
        f"conv2d/{name}",
        lambda x, weight, bias, options=options, activation=activation: activation(
            F.conv2d(x, weight, bias, **options)
        ),
        x=draw(*x), weight=draw(*weight), bias=draw(weight[0]),
    )
case("conv2d/withoutBias", F.conv2d, input=draw(2, 2, 4, 5), weight=draw(3, 2, 2, 2))
for name, (x, weight, options) in {
    "plain": ((2, 3, 5, 4), (3, 2, 3, 3), dict()),
    "stride": ((2, 3, 4, 5), (3, 2, 4, 4), dict(stride=2, padding=1)),
    "outputPadding": ((1, 3, 4, 3), (3, 2, 3, 3), dict(stride=2, padding=1, output_padding=1)),
    "point": ((2, 3, 3, 4), (3, 4, 1, 1), dict()),
    "gaps": ((1, 2, 3, 3), (2, 2, 2, 2), dict(stride=3, output_padding=2)),
    "relu": ((2, 3, 4, 4), (3, 2, 4, 4), dict(stride=2, padding=1)),
}.items():
    activation = F.relu if name == "relu" else lambda y: y
    case(
        f"convTranspose2d/{name}",
        lambda x, weight, bias, options=options, activation=activation: activation(
            F.conv_transpose2d(x, weight, bias, **options)
        ),
        x=draw(*x), weight=draw(*weight), bias=draw(weight[1]),
    )
case("maxPool2d/two", lambda x: F.max_pool2d(x, 2), x=draw(2, 3, 6, 4))
case("maxPool2d/rest", lambda x: F.max_pool2d(x, 3), x=draw(1, 2, 7, 11))
case("upsampleNearest/two", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), x=draw(2, 3, 2, 3))
case("upsampleNearest/three", lambda x: F.interpolate(x, scale_factor=3, mode="nearest"), x=draw(1, 2, 3, 1))

for name, function in binary.items():
    away = dict(low=0.5, high=2.0)
    case(f"{name}/number", lambda a, f=function: f(a, 0.3), a=draw(3, 4))
    first = torch.tensor(0.3, dtype=torch.float64)
    case(f"{name}/numberFirst", lambda b, f=function, first=first: f(first, b), b=draw(2, 3, **away))

# Ties, NaN and zeros, where PyTorch has rules of its own; not compared with difference quotients.
TIES = torch.tensor([[1.0, 2.0, 3.0, float("nan")], [1.0, -1.0, 0.0, 2.0]]).double()
OTHERS = torch.tensor([[1.0, 3.0, 2.0, 1.0], [float("nan"), -1.0, -0.0, 2.5]]).double()
for name, function in {"maximum": torch.maximum, "minimum": torch.minimum}.items():
    case(f"{name}/same", lambda a, b, f=function: f(a, b), a=draw(3, 5), b=draw(3, 5))
    case(f"{name}/row", lambda a, b, f=function: f(a, b), a=draw(2, 3, 5), b=draw(5))
    case(f"{name}/both", lambda a, b, f=function: f(a, b), a=draw(2, 1, 5, 1), b=draw(3, 1, 4))
    case(f"{name}/scalar", lambda a, b, f=function: f(a, b), a=torch.tensor(0.5).double(), b=draw(4, 3))
    number = torch.tensor(0.3, dtype=torch.float64)
    case(f"{name}/number", lambda a, f=function, number=number: f(a, number), a=draw(3, 4))
    case(f"{name}/numberFirst", lambda b, f=function, number=number: f(number, b), b=draw(2, 3))
    case(f"{name}/ties", lambda a, b, f=function: f(a, b), a=TIES, b=OTHERS)

positive = dict(low=0.3, high=2.0)
case("pow/same", torch.pow, input=draw(3, 5, **positive), exponent=3 * draw(3, 5))
case("pow/row", torch.pow, input=draw(2, 3, 5, **positive), exponent=draw(5))
case("pow/both", torch.pow, input=draw(2, 1, 5, 1, **positive), exponent=draw(3, 1, 4))
case("pow/numberFirst", lambda b: torch.pow(0.3, b), b=draw(2, 3))
exponents = {"square": 2, "cube": 3, "root": 0.5, "inverseRoot": -0.5, "inverse": -1, "number": 1.7, "none": 0}
for name, exponent in exponents.items():
    x = draw(3, 4) if exponent in (2, 3, 0) else draw(3, 4, **positive)
    case(f"pow/{name}", lambda a, exponent=exponent: torch.pow(a, exponent), a=x)
case(
    "pow/zeros", torch.pow,
    input=torch.tensor([0.0, 0.0, 0.0, -2.0, -2.0, 2.0]).double(),
    exponent=torch.tensor([0.0, 2.0, -1.0, 2.0, 0.5, 0.0]).double(),
)

case("clamp/both", lambda x: x.clamp(-0.5, 0.75), x=draw(4, 9))
case("clamp/min", lambda x: x.clamp(min=-0.25), x=draw(4, 9))
case("clamp/max", lambda x: x.clamp(max=0.25), x=draw(4, 9))
case("clamp/crossed", lambda x: x.clamp(0.75, -0.5), x=draw(4, 9))
case("clamp/ties", lambda x: x.clamp(0.0, 2.0), x=TIES)
case(
    "clamp/tensors",
    lambda x, low, high: x.clamp(low, high),
    x=draw(3, 5), low=draw(5, low=-1, high=-0.2), high=draw(3, 1, low=0.2, high=1),
)
case("clamp/minTensor", lambda x, low: x.clamp(min=low), x=draw(3, 5), low=draw(5))
case("clamp/maxTensor", lambda x, high: x.clamp(max=high), x=draw(3, 1), high=draw(3, 4))


def condition(*shape):
    return torch.randint(2, shape, generator=generator, dtype=torch.uint8)


def where(condition, input, other):
    return torch.where(condition.bool(), input, other)


case("where/same", where, condition=condition(3, 5), input=draw(3, 5), other=draw(3, 5))
case("where/rows", where, condition=condition(3, 1), input=draw(2, 3, 5), other=draw(5))
case("where/repeated", where, condition=condition(2, 3, 4), input=draw(3, 1), other=torch.tensor(0.5).double())
case("where/number", lambda condition, input: where(condition, input, -2), condition=condition(4, 3), input=draw(4, 3))
case("where/numberFirst", lambda condition, other: where(condition, 1, other), condition=condition(3), other=draw(2, 3))
case("where/hidden", lambda x: torch.where(x > 0, x.clamp(min=0.1).log(), 0.0), x=draw(3, 4))

case("cumsum/last", lambda x: x.cumsum(-1), x=draw(3, 4, 9))
case("cumsum/first", lambda x: x.cumsum(0), x=draw(5, 3))
case("cumsum/middle", lambda x: x.cumsum(1), x=draw(2, 6, 5))
case("concatenate/stack", lambda a, b, c: torch.stack((a, b, c)), a=draw(2, 3), b=draw(2, 3), c=draw(2, 3))
case("concatenate/stackLast", lambda a, b: torch.stack((a, b), -1), a=draw(2, 3), b=draw(2, 3))
case("slice/split", lambda x: torch.cat(torch.split(x, [1, 3, 2], 1)[::-1], 1), x=draw(2, 6, 3))
case("slice/chunks", lambda x: torch.cat(torch.split(x, 2)[::-1]), x=draw(5, 3))
# The gradient of a bfloat16 is not rounded to bfloat16 here.
case("cast/bfloat16", lambda x: x + (x.bfloat16().double() - x).detach(), x=draw(3, 5))
case("cast/floats", lambda x: x.clone(), x=draw(3, 5))
case("expand/axes", lambda x: x.expand(2, 3, 4), x=draw(3, 1))
case("expand/scalar", lambda x: x.expand(3, 2), x=torch.tensor(0.5).double())

for name, (function, domain) in {
    "sign": (torch.sign, {}),
    "floor": (torch.floor, {}),
    "ceil": (torch.ceil, {}),
    "round": (torch.round, {}),
    "trunc": (torch.trunc, {}),
    "expm1": (torch.expm1, {}),
    "log1p": (torch.log1p, dict(low=-0.9, high=3.0)),
    "softplus": (F.softplus, {}),
    "silu": (F.silu, {}),
}.items():
    case(f"{name}/plain", function, input=draw(4, 9, **domain) if domain else 3 * draw(4, 9))
halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.0, -0.0, float("nan")]
case("round/halves", torch.round, input=torch.tensor(halves).double())

for name, function in {"max": torch.amax, "min": torch.amin}.items():
    case(f"{name}/all", lambda x, f=function: f(x, (0, 1)), x=draw(3, 7))
    case(f"{name}/last", lambda x, f=function: f(x, -1), x=draw(2, 3, 7))
    case(f"{name}/apart", lambda x, f=function: f(x, (0, 2), keepdim=True), x=draw(3, 4, 5))
    case(f"{name}/single", lambda x, f=function: f(x, 1), x=draw(3, 1))
    ties = torch.tensor([[1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0], [1.0, float("nan"), 0.0, 2.0]]).double()
    case(f"{name}/ties", lambda x, f=function: f(x, 1), x=ties)
case("sum/variance", lambda x: x.var(1), x=draw(3, 5, 2))
case("sum/population", lambda x: x.var((0, 2), correction=0, keepdim=True), x=draw(3, 5, 2))
case("sum/standardDeviation", lambda x: x.std(), x=draw(4, 5))
case("sum/logSumExp", lambda x: x.logsumexp(-1), x=50 * draw(3, 5))
case("sum/logSumExpAll", lambda x: x.logsumexp((0, 1), keepdim=True), x=draw(3, 5))

for name, (weight, places) in {"plain": ((6, 3), (2, 4)), "flat": ((4, 5), (7,))}.items():
    case(
        f"embedding/{name}",
        lambda weight, indices: F.embedding(indices, weight),
        weight=draw(*weight), indices=indices(*places, below=weight[0]),
    )
case(
    "embedding/padding",
    lambda weight, indices: F.embedding(indices, weight, padding_idx=1),
    weight=draw(3, 2), indices=torch.tensor([[0, 1, 2], [1, 1, 2]], dtype=torch.int32),
)
case(
    "embedding/paddingFromEnd",
    lambda weight, indices: F.embedding(indices, weight, padding_idx=-1),
    weight=draw(3, 2), indices=torch.tensor([0, 2, 2, 1], dtype=torch.int32),
)


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al. 2011), the generator of the project's draws."""
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        high, low = second >> 32 ^ counter[1] ^ key[0], first >> 32 ^ counter[3] ^ key[1]
        counter = [high, second & 0xFFFFFFFF, low, first & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def dropped(x, probability, seed, step, samples):
    """x with the draws of `samples`, one for each row; the purpose is "test", hashed by FNV-1a."""
    purpose = 0x811C9DC5
    for byte in b"test":
        purpose = (purpose ^ byte) * 0x01000193 & 0xFFFFFFFF
    columns = x[0].numel()
    words = []
    for sample in samples:
        drawn = [philox([index, sample, step, 0], [seed, purpose]) for index in range((columns + 3) // 4)]
        words.append([word for four in drawn for word in four][:columns])
    kept = torch.tensor(words).double().reshape(x.shape) / 2**32 < 1 - probability
    return x * kept / (1 - probability)


case("dropout/plain", lambda x: dropped(x, 0.25, 3, 0, [0, 1, 2]), x=draw(3, 7))
case("dropout/samples", lambda x: dropped(x, 0.5, 3, 9, [2, 3, 7, 8]), x=draw(4, 3, 3))
case("dropout/all", lambda x: 0 * x, x=draw(2, 3))

path = Path(__file__).parents[2] / "packages/autograd/test/fixtures/ops.safetensors"
path.parent.mkdir(parents=True, exist_ok=True)
save_file(
    tensors, path, metadata={"command": "python tools/reference/ops.py", "torch": torch.__version__, "seed": str(SEED)}
)
print(path, path.stat().st_size)
