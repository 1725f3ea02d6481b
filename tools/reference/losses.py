"""Fixtures of @splitmask/losses: values and gradients of both terms of SplitMask's objective, of MAE's, and of
a discrete VAE's.

Made with torch 2.15.0: python tools/reference/losses.py
"""
import torch
import torch.nn.functional as F

from model_fixtures import generator, normal, save

g = generator(11)
out = {}

# Inpainting: mean cross-entropy over hidden patches, with the vocabulary head and without.
features = normal((14, 12), 1, g).requires_grad_()
weight = normal((37, 12), 0.5, g).requires_grad_()
bias = normal((37,), 0.5, g).requires_grad_()
targets = torch.randint(0, 37, (14,), generator=g)
for label, smoothing in [("plain", 0.0), ("smooth", 0.1)]:
    logits = F.linear(features, weight, bias)
    logits.retain_grad()
    loss = F.cross_entropy(logits, targets, label_smoothing=smoothing)
    for leaf in (features, weight, bias):
        leaf.grad = None
    loss.backward()
    out |= {
        f"inpaint.{label}.loss": loss, f"inpaint.{label}.features": features.grad.clone(),
        f"inpaint.{label}.weight": weight.grad.clone(), f"inpaint.{label}.bias": bias.grad.clone(),
        f"inpaint.{label}.logits": logits.grad.clone(),
    }
out |= {
    "input.features": features, "input.weight": weight, "input.bias": bias, "input.targets": targets,
    "input.logits": F.linear(features, weight, bias),
}

# Matching: InfoNCE, Eq. 2 of the paper, symmetrised.
first = normal((6, 10), 1, g).requires_grad_()
second = (first.detach() + normal((6, 10), 0.8, g)).float().double().requires_grad_()
out |= {"input.first": first, "input.second": second}
for normalize in (True, False):
    for negatives in ("other", "both"):
        a, b = (F.normalize(first, dim=1), F.normalize(second, dim=1)) if normalize else (first, second)
        tau = 0.2
        if negatives == "other":
            logits = a @ b.T / tau
            labels = torch.arange(6)
            loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        else:
            z = torch.cat([a, b])
            logits = (z @ z.T / tau).masked_fill(torch.eye(12, dtype=torch.bool), float("-inf"))
            loss = F.cross_entropy(logits, torch.arange(12).roll(6))
        first.grad = second.grad = None
        loss.backward()
        label = f"match.{negatives}.{'normalized' if normalize else 'plain'}"
        out |= {f"{label}.loss": loss, f"{label}.first": first.grad.clone(), f"{label}.second": second.grad.clone()}

# Reconstruction: mean squared error of patches, each at mean 0 and (unbiased) variance 1 or as it is.
predicted = normal((2, 3, 12), 1, g).requires_grad_()
patches = normal((2, 3, 12), 0.7, g) + torch.linspace(-1, 1, 6).float().double().reshape(2, 3, 1)
patches = patches.float().double()
patches[1, 2] = 0.25  # one without contrast
out |= {"input.predicted": predicted, "input.patches": patches}
for label, normalize in [("normalized", True), ("plain", False)]:
    target = patches
    if normalize:
        mean, variance = patches.mean(-1, keepdim=True), patches.var(-1, keepdim=True)
        target = (patches - mean) / (variance + 1e-6) ** 0.5
    predicted.grad = None
    loss = F.mse_loss(predicted, target)
    loss.backward()
    out |= {f"reconstruction.{label}.loss": loss, f"reconstruction.{label}.predicted": predicted.grad.clone()}

# Logit-Laplace: pixels in (0, 1) under PyTorch's own Laplace distribution of their logits, by change of variables.
location = normal((2, 3, 4), 1, g).requires_grad_()
log_scale = normal((2, 3, 4), 0.5, g).requires_grad_()
pixels = (0.1 + 0.8 * torch.rand((2, 3, 4), generator=g, dtype=torch.float32)).float().double()
transformed = torch.distributions.TransformedDistribution(
    torch.distributions.Laplace(location, log_scale.exp()), [torch.distributions.SigmoidTransform()])
loss = -transformed.log_prob(pixels).mean()
loss.backward()
out |= {"input.location": location, "input.logScale": log_scale, "input.pixels": pixels, "logitLaplace.loss": loss,
        "logitLaplace.location": location.grad, "logitLaplace.logScale": log_scale.grad}

save("losses", "losses", out, {"seed": 11, "temperature": 0.2, "smoothing": 0.1})
