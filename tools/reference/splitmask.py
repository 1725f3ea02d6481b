"""Fixtures of @splitmask/methods: ten training steps of SplitMask, and the loss curve of 300 steps.

With the first step's named gradients. The curve also for the words of pictures and a codebook that are rounded to
bfloat16: a word that changes is another curve. Weights, pictures, splits and the codebook are fixed and stored.
Made with torch 2.15.0, timm 1.0.31: python tools/reference/splitmask.py
"""
import timm
import torch
from timm.models.vision_transformer import VisionTransformer

from model_fixtures import generator, randomise, save
from splitmask_model import Decoder, splitmask_losses
from training_run import (
    IMAGE, METADATA, PATCH, PATCHES, draw_batches, draw_codebook, draw_pictures, images_of, train, words_of,
)

SEED, STEPS, CURVE_STEPS, BATCH, POOL = 41, 10, 300, 8, 16
WIDTH, DEPTH, HEADS, VOCABULARY = 32, 2, 2, 64

g = generator(SEED)
vit = randomise(
    VisionTransformer(img_size=IMAGE, patch_size=PATCH, num_classes=0, fc_norm=False, embed_dim=WIDTH, depth=DEPTH,
                      num_heads=HEADS, class_token=False, global_pool="avg"), g)
decoder = randomise(Decoder(WIDTH, 2, HEADS, VOCABULARY, PATCHES), g)
modules = {"encoder": vit, "decoder": decoder}
parameters = {f"{m}.{name}": p for m, module in modules.items() for name, p in module.named_parameters()}
initial = {"parameter." + name: p.detach().clone() for name, p in parameters.items()}

pictures = draw_pictures(POOL, g)
codebook = draw_codebook(VOCABULARY, g)
draws = draw_batches(STEPS, BATCH, POOL, g)
permutations = torch.rand((STEPS, BATCH, PATCHES), generator=g).argsort(-1)
first, second = (permutations[:, :, h].sort(-1).values for h in (slice(0, PATCHES // 2), slice(PATCHES // 2, None)))
images = [images_of(pictures[draws[step]]) for step in range(STEPS)]
words = [words_of(each, codebook) for each in images]
bfloat16_words = [words_of(each.bfloat16().double(), codebook.bfloat16().double()) for each in images]


def losses_with(words):
    def losses_of(step):
        """After the last batch the batches and splits begin anew."""
        batch = step % STEPS
        inpaint, match = splitmask_losses(vit, decoder, images[batch], words[batch], first[batch], second[batch])
        return {"inpaint": inpaint, "match": match}

    return losses_of


records, gradients = train(parameters, initial, losses_with(words), STEPS)
curve, _ = train(parameters, initial, losses_with(words), CURVE_STEPS)
bfloat16_curve, _ = train(parameters, initial, losses_with(bfloat16_words), CURVE_STEPS)

metadata = METADATA | {
    "seed": SEED, "timm": timm.__version__, "width": WIDTH, "depth": DEPTH, "heads": HEADS, "vocabulary": VOCABULARY,
}
save("methods", "splitmask-weights", initial, metadata)
save("methods", "splitmask-gradients", gradients, metadata)
save("methods", "splitmask-steps", {
    "pictures": pictures, "draws": draws, "codebook": codebook, "words": torch.stack(words),
    "first": first, "second": second, **records,
    "bfloat16.words": torch.stack(bfloat16_words),
    **{f"curve.{key}": curve[key] for key in ("inpaint", "match")},
    **{f"bfloat16.curve.{key}": bfloat16_curve[key] for key in ("inpaint", "match")},
}, metadata)
