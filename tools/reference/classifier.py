"""Fixtures of @splitmask/methods' classifier: timm's VisionTransformer with mean pooling.

Its logits, both losses with every named gradient, and ten steps with layer-wise learning rates.

Keys: `input.*`, `parameter.*` (timm's names), `output.*`; `soft.*` and `smoothed.*` hold the loss and the gradients of
timm's SoftTargetCrossEntropy and LabelSmoothingCrossEntropy; `steps.losses`, and `steps.parameter.*` after ten steps of
AdamW in timm's layer-decay groups.

Made with torch 2.13.0, timm 1.0.31: python tools/reference/classifier.py
"""
import timm
import torch
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from timm.models.vision_transformer import VisionTransformer
from timm.optim import param_groups_layer_decay

from model_fixtures import generator, normal, randomise, save

BATCH, CLASSES, STEPS, RATE = 4, 5, 10, 3e-3

g = generator(31)
model = VisionTransformer(
    img_size=16,
    patch_size=4,
    embed_dim=16,
    depth=2,
    num_heads=2,
    num_classes=CLASSES,
    class_token=False,
    global_pool="avg",
)
randomise(model, g)
images = normal((BATCH, 3, 16, 16), 1, g)
labels = torch.randint(0, CLASSES, (BATCH,), generator=g)
shares = torch.rand(BATCH, 1, generator=g, dtype=torch.float32).double()
one_hot = torch.nn.functional.one_hot(labels, CLASSES).double()
targets = (one_hot * shares + one_hot.flip(0) * (1 - shares)).float().double()

out = {"input.images": images, "input.labels": labels, "input.targets": targets, "output.logits": model(images)}
out |= {f"parameter.{name}": value.clone() for name, value in model.state_dict().items()}
for label, loss in [
    ("soft", SoftTargetCrossEntropy()(model(images), targets)),
    ("smoothed", LabelSmoothingCrossEntropy(0.1)(model(images), labels)),
]:
    model.zero_grad()
    loss.backward()
    out[f"{label}.loss"] = loss
    out |= {f"{label}.gradient.{name}": parameter.grad.clone() for name, parameter in model.named_parameters()}

groups = param_groups_layer_decay(
    model, weight_decay=0.05, no_weight_decay_list=model.no_weight_decay(), layer_decay=0.65
)
for group in groups:
    group["lr"] = RATE * group["lr_scale"]
optimizer = torch.optim.AdamW(groups, lr=RATE)
losses = []
for _ in range(STEPS):
    optimizer.zero_grad()
    loss = SoftTargetCrossEntropy()(model(images), targets)
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())
out["steps.losses"] = torch.stack(losses)
out |= {f"steps.parameter.{name}": value.clone() for name, value in model.state_dict().items()}

save(
    "methods",
    "classifier",
    out,
    {"seed": 31, "timm": timm.__version__, "rate": RATE, "layerDecay": 0.65, "weightDecay": 0.05},
)
