"""Fixtures of @splitmask/methods: distillation from a teacher's features, for whole pictures as in AM-RADIO (Ranzinger
et al. 2023, arXiv 2312.06709), for patches as in EVA (Fang et al. 2022, arXiv 2211.07636): 1 − cosine, behind heads of
two linear layers with a GELU between them.

Ten training steps with both distances (see training_run.py), and every named gradient of the first. The features of the
teacher are drawn, not computed.
Made with torch 2.15.0, timm 1.0.31: python tools/reference/distillation.py
"""
import torch
import torch.nn.functional as F
from timm.layers import Mlp
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model_fixtures import generator, normal, randomise, save
from training_run import IMAGE, METADATA, PATCH, PATCHES, draw_batches, draw_pictures, images_of, train

SEED, STEPS, BATCH, POOL, WIDTH, DEPTH, HEADS, HIDDEN, TAUGHT = 67, 10, 6, 8, 24, 2, 3, 20, 12


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = VisionTransformer(
            img_size=IMAGE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=0,
            class_token=False, global_pool=""
        )
        self.head, self.patch_head = Mlp(WIDTH, HIDDEN, TAUGHT), Mlp(WIDTH, HIDDEN, TAUGHT)


def distance(predicted, features):
    return 1 - F.cosine_similarity(predicted, features, dim=-1, eps=0).mean()


g = generator(SEED)
pictures, draws = draw_pictures(POOL, g), draw_batches(STEPS, BATCH, POOL, g)
features = normal((POOL, 1 + PATCHES, TAUGHT), 1, g)
student = randomise(Student(), g)
parameters = dict(student.named_parameters())
initial = {"parameter." + name: p.detach().clone() for name, p in parameters.items()}


def losses_of(step):
    tokens, taught = student.encoder(images_of(pictures[draws[step]])), features[draws[step]]
    return {
        "pictureDistance": distance(student.head(tokens.mean(1)), taught[:, 0]),
        "patchDistance": distance(student.patch_head(tokens), taught[:, 1:]),
    }


records, gradients = train(parameters, initial, losses_of, STEPS)
save("methods", "distillation", {
    "pictures": pictures, "draws": draws, "features": features, **initial, **gradients, **records,
}, {"seed": SEED, **METADATA})
