"""Fixtures of @splitmask/methods: supervised pre-training as DeiT trains (Touvron et al. 2021, arXiv 2012.12877), with
timm's VisionTransformer: the last norm before pooling, then a linear head.

With the class token and with the mean of the patches ("mean."): the loss of soft targets and every named gradient of
one batch. With the class token also ten training steps (see training_run.py).
Made with torch 2.15.0, timm 1.0.31: python tools/reference/supervised.py
"""
import torch
from timm.loss import SoftTargetCrossEntropy
from timm.models.vision_transformer import VisionTransformer

from model_fixtures import generator, randomise, save
from training_run import IMAGE, METADATA, PATCH, draw_batches, draw_pictures, images_of, train

SEED, STEPS, BATCH, POOL, CLASSES, WIDTH, DEPTH, HEADS = 61, 10, 6, 8, 5, 24, 2, 3


def made(g, **options):
    return randomise(
        VisionTransformer(
            img_size=IMAGE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=CLASSES,
            **options,
        ),
        g,
    )


def named(model):
    return {name if name.startswith("head.") else "encoder." + name: p for name, p in model.named_parameters()}


g = generator(SEED)
pictures, draws = draw_pictures(POOL, g), draw_batches(STEPS, BATCH, POOL, g)
targets = torch.softmax(3 * torch.randn((POOL, CLASSES), generator=g), 1).float().double()
loss_of = SoftTargetCrossEntropy()
out = {"pictures": pictures, "draws": draws, "targets": targets}

token = made(g, class_token=True, global_pool="token")
initial = {"parameter." + name: p.detach().clone() for name, p in named(token).items()}
out |= initial


def losses_of(step):
    return {"classes": loss_of(token(images_of(pictures[draws[step]])), targets[draws[step]])}


records, gradients = train(named(token), initial, losses_of, STEPS)
out |= {key: value for key, value in records.items() if key != "classes"} | gradients

mean = made(g, class_token=False, global_pool="avg", fc_norm=False)
loss = loss_of(mean(images_of(pictures[draws[0]])), targets[draws[0]])
loss.backward()
out["mean.loss"] = loss
for name, parameter in named(mean).items():
    out |= {f"mean.parameter.{name}": parameter, f"mean.gradient.{name}": parameter.grad}

save("methods", "supervised", out, {"seed": SEED, **METADATA})
