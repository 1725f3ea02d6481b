"""Fixtures of @splitmask/onnx and @splitmask/methods: tiny ONNX models with the outputs that ONNX's reference
evaluator gives, and models that cannot be used.

`teacher`: open batch and size, patches of 8 pixels → tokens B×N×12 ("tokens") and their mean ("pooled"). `fixed`: the
same for 2 pictures of 16×16. `tokenizer`: logits B×10×h×w, a word for each 8×8 pixels. `twoInputs`, `bytes` and
`integers` are what an error tells of.
Made with torch 2.15.0, onnx 1.23.2: python tools/reference/onnx_models.py
"""
import os

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from model_fixtures import ROOT, generator, normal, save

PATCH, WIDTH, WORDS = 8, 12, 10
FOLDER = os.path.join(ROOT, "packages", "onnx", "test", "fixtures")
g = generator(71)


def weight(name, *shape):
    values = normal(shape, (shape[1] * PATCH**2) ** -0.5 if len(shape) == 4 else 0.3, g)
    return numpy_helper.from_array(values.numpy().astype(numpy.float32), name)


def model(name, nodes, inputs, outputs, weights=()):
    values = [
        [helper.make_tensor_value_info(label, kind, shape) for label, kind, shape in group]
        for group in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, name, *values, list(weights))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    os.makedirs(FOLDER, exist_ok=True)
    onnx.save(made, os.path.join(FOLDER, name + ".onnx"))
    return made


def convolution(output):
    sides = {"kernel_shape": [PATCH] * 2, "strides": [PATCH] * 2}
    return helper.make_node("Conv", ["pixels", "weight", "bias"], [output], **sides)


teaching = [
    convolution("map"),
    helper.make_node("Reshape", ["map", "rows"], ["flat"]),
    helper.make_node("Transpose", ["flat"], ["linear"], perm=[0, 2, 1]),
    helper.make_node("Tanh", ["linear"], ["tokens"]),
    helper.make_node("ReduceMean", ["tokens"], ["pooled"], axes=[1], keepdims=0),
]
weights = [weight("weight", WIDTH, 3, PATCH, PATCH), weight("bias", WIDTH)]
weights.append(numpy_helper.from_array(numpy.array([0, WIDTH, -1], numpy.int64), "rows"))
FLOAT = TensorProto.FLOAT


def teacher(name, batch, side, patches):
    outputs = [("tokens", FLOAT, [batch, patches, WIDTH]), ("pooled", FLOAT, [batch, WIDTH])]
    return model(name, teaching, [("pixels", FLOAT, [batch, 3, side, side])], outputs, weights)


def opened(name, outputs, nodes, weights):
    return model(name, nodes, [("pixels", FLOAT, ["batch", 3, "height", "width"])], outputs, weights)


open_teacher = opened(
    "teacher", [("tokens", FLOAT, ["batch", "patches", WIDTH]), ("pooled", FLOAT, ["batch", WIDTH])], teaching, weights
)
teacher("fixed", 2, 16, 4)
# Gray pixels, 0.5 after scaling, have the same logit for each word: else one word would win everywhere.
words = weight("weight", WORDS, 3, PATCH, PATCH)
gray = numpy_helper.from_array(-0.5 * numpy_helper.to_array(words).sum((1, 2, 3)), "bias")
logits = opened(
    "tokenizer",
    [("logits", FLOAT, ["batch", WORDS, "rows", "columns"])],
    [convolution("logits")],
    [words, gray],
)
model(
    "twoInputs",
    [helper.make_node("Add", ["left", "right"], ["sum"])],
    [(name, FLOAT, ["batch", 3, 16, 16]) for name in ("left", "right")],
    [("sum", FLOAT, ["batch", 3, 16, 16])],
)
model(
    "bytes",
    [helper.make_node("Cast", ["pixels"], ["numbers"], to=FLOAT)],
    [("pixels", TensorProto.UINT8, ["batch", 3, 16, 16])],
    [("numbers", FLOAT, ["batch", 3, 16, 16])],
)
model(
    "integers",
    [helper.make_node("Cast", ["pixels"], ["words"], to=TensorProto.INT8)],
    [("pixels", FLOAT, ["batch", 3, 16, 16])],
    [("words", TensorProto.INT8, ["batch", 3, 16, 16])],
)

pixels = normal((4, 3, 16, 16), 0.5, g)
feeds = {"pixels": pixels.numpy().astype(numpy.float32)}
tokens, pooled = ReferenceEvaluator(open_teacher).run(None, feeds)
(scores,) = ReferenceEvaluator(logits).run(None, {"pixels": (0.4 * pixels + 0.5).numpy().astype(numpy.float32)})
save(
    "onnx",
    "outputs",
    {
        "pixels": pixels,
        "tokens": torch.from_numpy(tokens),
        "pooled": torch.from_numpy(pooled),
        "words": torch.from_numpy(scores).argmax(1).flatten(1),
    },
    {"seed": 71, "onnx": onnx.__version__},
)
