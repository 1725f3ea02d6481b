"""Fixtures of @splitmask/eval: k-NN, neighbours, logistic regression and a .npy file, from PyTorch and NumPy.

Made with torch 2.13.0 and numpy by

    python tools/reference/eval.py

It writes packages/eval/test/fixtures/eval.safetensors and features.npy. Seed 0. 300 training and 80 test pictures of 5 classes with 24 features
each: a class mean plus noise, so that the classes overlap. The accuracies are by the definitions, in float64.
"""

import json
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "eval" / "test" / "fixtures"
K, TEMPERATURE, PENALTIES = 20, 0.07, (0.1, 0.001)

torch.manual_seed(0)
classes, width = 5, 24
means = torch.randn(classes, width) * 0.45
scales = torch.logspace(-1, 1, width)  # features of very different sizes, as encoders give them


def pictures(count):
    labels = torch.randint(0, classes, (count,))
    return ((means[labels] + torch.randn(count, width)) * scales + 0.3 * scales).float(), labels


train, train_labels = pictures(300)
test, test_labels = pictures(80)

# k-NN
unit = [torch.nn.functional.normalize(x.double(), dim=1) for x in (train, test)]
similarities, indices = (unit[1] @ unit[0].T).topk(K, dim=1)
votes = torch.zeros(80, classes, dtype=torch.float64).scatter_add_(
    1, train_labels[indices], (similarities / TEMPERATURE).exp()
)
knn = votes.argmax(1)

# Multinomial logistic regression on standardised features, to a gradient of 1e-9 in float64.
centre, deviation = train.double().mean(0), train.double().std(0, correction=0) + 1e-6
x, y = (train.double() - centre) / deviation, (test.double() - centre) / deviation
tensors = {}
accuracies = {}
for penalty in PENALTIES:
    weight = torch.zeros(classes, width, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=5000, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ weight.T + bias, train_labels) + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    name = f"probe.{penalty}"
    tensors[f"{name}.loss"] = closure().detach().float()
    assert weight.grad.abs().max() < 1e-8
    tensors[f"{name}.weight"] = weight.detach().float()
    predictions = (y @ weight.T + bias).argmax(1)
    tensors[f"{name}.predictions"] = predictions.int()
    accuracies[name] = (predictions == test_labels).double().mean().item()

tensors |= {
    "train": train,
    "train.labels": train_labels.int(),
    "test": test,
    "test.labels": test_labels.int(),
    "knn.similarities": similarities.float(),
    "knn.indices": indices.int(),
    "knn.predictions": knn.int(),
}
metadata = {
    "command": "python tools/reference/eval.py",
    "torch": torch.__version__,
    "numpy": numpy.__version__,
    "knn.accuracy": str((knn == test_labels).double().mean().item()),
    "probe": json.dumps(accuracies),
}
FOLDER.mkdir(parents=True, exist_ok=True)
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, FOLDER / "eval.safetensors", metadata)
numpy.save(FOLDER / "features.npy", test[:7, :5].contiguous().numpy())
print(metadata)
