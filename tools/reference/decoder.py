"""Fixtures of @splitmask/decoder: values and every named gradient, with shared and with own positions.

Made with torch 2.13.0, timm 1.0.31: python tools/reference/decoder.py
"""
import timm
import torch

from model_fixtures import generator, normal, randomise, save
from splitmask_model import Decoder, complement, gather

BATCH, PATCHES, VISIBLE, WIDTH, HEADS, VOCABULARY = 3, 12, 5, 16, 2, 20


def fixture(name, seed, own_positions, positions_to_visible, prefix, layer_scale=None):
    g = generator(seed)
    decoder = randomise(
        Decoder(WIDTH, 2, HEADS, VOCABULARY, PATCHES, own_positions, positions_to_visible, layer_scale=layer_scale), g
    )
    visible_indices = torch.stack([torch.randperm(PATCHES, generator=g)[:VISIBLE].sort().values for _ in range(BATCH)])
    hidden_indices = complement(visible_indices, PATCHES)
    visible = normal((BATCH, prefix + VISIBLE, WIDTH), 1, g).requires_grad_()
    positions = normal((1, PATCHES, WIDTH), 0.3, g).requires_grad_()
    tokens = decoder(visible, visible_indices, positions)
    logits = decoder.head(gather(tokens[:, prefix:], hidden_indices))
    tokens_gradient, logits_gradient = normal(tokens.shape, 1, g), normal(logits.shape, 1, g)
    ((tokens * tokens_gradient).sum() + (logits * logits_gradient).sum()).backward()
    out = {
        "input.visible": visible, "input.positions": positions, "input.visibleIndices": visible_indices,
        "input.hiddenIndices": hidden_indices, "input.tokensGradient": tokens_gradient,
        "input.logitsGradient": logits_gradient, "output.tokens": tokens, "output.logits": logits,
        "gradient.input.visible": visible.grad,
        "gradient.input.positions": torch.zeros_like(positions) if positions.grad is None else positions.grad,
    }
    out |= {"parameter." + key: value for key, value in decoder.state_dict().items()}
    out |= {"gradient." + key: p.grad for key, p in decoder.named_parameters()}
    save("decoder", name, out, {"seed": seed, "timm": timm.__version__})


fixture("decoder-shared", 21, own_positions=False, positions_to_visible=False, prefix=0)
fixture("decoder-own", 22, own_positions=True, positions_to_visible=True, prefix=1, layer_scale=0.1)
