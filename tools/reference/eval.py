"""Fixtures of @splitmask/eval: k-NN, neighbours, logistic regression, linear heads by SGD and LARS, confidence
intervals and a .npy file, from PyTorch, timm, scikit-learn, SciPy and NumPy.

Made with torch 2.15.0, timm 1.0.31, scikit-learn 1.9.1, scipy and numpy by

    python tools/reference/eval.py

It writes packages/eval/test/fixtures/eval.safetensors and features.npy. Seed 0. 300 training and 80 test pictures of 5
classes with 24 features each: a class mean plus noise, so that the classes overlap. The accuracies are by the
definitions, in float64.
"""

import json
from pathlib import Path

import numpy
import scipy.stats
import sklearn
import timm
import torch
from timm.optim import Lars
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

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
tensors = {}
for temperature in (0.07, 0.01, 0.002):
    shares = (similarities / temperature).softmax(1)
    probabilities = torch.zeros(80, classes, dtype=torch.float64).scatter_add_(1, train_labels[indices], shares)
    tensors[f"knn.probabilities.{temperature}"] = probabilities.float()

# Multinomial logistic regression on standardised features, to a gradient of 1e-9 in float64.
centre, deviation = train.double().mean(0), train.double().std(0, correction=0) + 1e-6
x, y = (train.double() - centre) / deviation, (test.double() - centre) / deviation
accuracies = {}
for penalty in PENALTIES:
    weight = torch.zeros(classes, width, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=5000, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = (
            torch.nn.functional.cross_entropy(x @ weight.T + bias, train_labels) + penalty / 2 * weight.square().sum()
        )
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

# scikit-learn's logistic regression of 200 pictures with 40 features, which a plane divides: weak (1e-5), its default
# (C = 1) and strong regularisation.
wide_means = torch.randn(classes, 40) * 0.6
wide = []
for count in (200, 500):
    labels = torch.randint(0, classes, (count,))
    wide.append(((wide_means[labels] + torch.randn(count, 40)).float(), labels))
(wide_train, wide_labels), (wide_test, _) = wide
wide_centre, wide_deviation = wide_train.double().mean(0), wide_train.double().std(0, correction=0) + 1e-6
standard = [((features.double() - wide_centre) / wide_deviation).numpy() for features, _ in wide]
for penalty in (1e-5, 1 / 200, 1.0):
    model = LogisticRegression(C=1 / (200 * penalty), tol=1e-9, max_iter=100_000).fit(standard[0], wide_labels.numpy())
    tensors[f"scikit.{penalty:g}.predictions"] = torch.tensor(model.predict(standard[1])).int()
    tensors[f"scikit.{penalty:g}.coefficients"] = torch.tensor(model.coef_).float()
    usual = LogisticRegression(C=1 / (200 * penalty), max_iter=100_000).fit(standard[0], wide_labels.numpy())
    ordered = numpy.sort(model.decision_function(standard[1]), 1)
    changed = (usual.predict(standard[1]) != model.predict(standard[1])).sum()
    print(penalty, "predictions that scikit-learn's own tolerance changes:", changed,
          "smallest margin:", (ordered[:, -1] - ordered[:, -2]).min())
tensors |= {"scikit.train": wide_train, "scikit.labels": wide_labels.int(), "scikit.test": wide_test}

# Linear heads, each trained alone: mini-batches in a given order, a cosine per step, in float64.
HEADS = {
    "sgd": {"rates": (0.01, 0.3), "weight_decay": 1e-3, "warmup": 0},
    "lars": {"rates": (1.0, 4.0), "weight_decay": 0.0, "warmup": 2},
}
EPOCHS, BATCH = 6, 64
order = torch.stack([torch.randperm(300) for _ in range(EPOCHS)])
start_weight, start_bias = torch.randn(classes, width).double() * 0.01, torch.randn(classes).double() * 0.01
steps_per_epoch = -(-300 // BATCH)
for kind, options in HEADS.items():
    for rate in options["rates"]:
        weight, bias = (x.clone().requires_grad_() for x in (start_weight, start_bias))
        if kind == "sgd":
            groups = [{"params": [weight], "weight_decay": options["weight_decay"]}, {"params": [bias]}]
            optimizers = [torch.optim.SGD(groups, lr=rate, momentum=0.9)]
        else:
            # timm adapts every parameter of a group, ours none of one axis.
            optimizers = [
                Lars([weight], lr=rate, momentum=0.9, always_adapt=True),
                torch.optim.SGD([bias], lr=rate, momentum=0.9),
            ]
        warmup, total = options["warmup"] * steps_per_epoch, EPOCHS * steps_per_epoch
        step = 0
        for epoch in range(EPOCHS):
            for rows in order[epoch].split(BATCH):
                if step < warmup:
                    factor = step / (warmup - 1)
                else:
                    factor = 0.5 * (1 + numpy.cos(numpy.pi * (step - warmup) / (total - warmup)))
                loss = torch.nn.functional.cross_entropy(x[rows] @ weight.T + bias, train_labels[rows])
                for each in optimizers:
                    each.zero_grad()
                loss.backward()
                for each in optimizers:
                    for group in each.param_groups:
                        group["lr"] = rate * factor
                    each.step()
                step += 1
        tensors[f"heads.{kind}.{rate}.weight"] = weight.detach().float()
        tensors[f"heads.{kind}.{rate}.bias"] = bias.detach().float()
tensors |= {
    "heads.order": order.int(),
    "heads.start.weight": start_weight.float(),
    "heads.start.bias": start_bias.float(),
}

# Confidence: hits, trials, low, high of Wilson's interval; 97.5 % quantiles of Student's t for 1, 2 … 40 and 199
# degrees of freedom.
TRIALS = [(0, 8), (3, 8), (8, 8), (45, 100), (1712, 3925), (999, 1000)]
wilson = []
for hits, trials in TRIALS:
    interval = scipy.stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    wilson.append([hits, trials, interval.low, interval.high])
freedom = [*range(1, 41), 199]
quantiles = [[n, scipy.stats.t.ppf(0.975, n)] for n in freedom]
accuracies_over_seeds = [0.71, 0.74, 0.72, 0.69, 0.735]
mean, sem = numpy.mean(accuracies_over_seeds), scipy.stats.sem(accuracies_over_seeds)
over_seeds = [mean, numpy.std(accuracies_over_seeds, ddof=1), *scipy.stats.t.interval(0.95, 4, mean, sem)]

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
    "timm": timm.__version__,
    "scipy": scipy.__version__,
    "scikit-learn": sklearn.__version__,
    "wilson": json.dumps(wilson),
    "student": json.dumps(quantiles),
    "overSeeds": json.dumps({"accuracies": accuracies_over_seeds, "expected": over_seeds}),
}
FOLDER.mkdir(parents=True, exist_ok=True)
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, FOLDER / "eval.safetensors", metadata)
numpy.save(FOLDER / "features.npy", test[:7, :5].contiguous().numpy())
print(metadata)
