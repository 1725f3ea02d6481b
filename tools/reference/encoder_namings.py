"""Fixtures of @splitmask/vit: small vision transformers as timm and transformers save them, and their features.

Weights are random, stored as float16 under packages/vit/test/fixtures/namings/NAME.safetensors; features.safetensors
has the pictures and, by name, all tokens behind the last norm.

Made with torch 2.15.0, timm 1.0.31, transformers 5.24.0: python tools/reference/encoder_namings.py
"""
import json
import os
import re
import tempfile
from functools import partial

import torch
import transformers
from safetensors.torch import load_file, save_file
from timm.layers import QuickGELU
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model_fixtures import ROOT, generator, normal, save

FOLDER = os.path.join(ROOT, "packages", "vit", "test", "fixtures", "namings")
SIZE, PATCH, WIDTH, DEPTH, HEADS = 16, 4, 32, 2, 4
TIMM = {
    "img_size": SIZE, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS, "mlp_ratio": 2,
    "num_classes": 3,
}
TRANSFORMERS = {
    "image_size": SIZE, "patch_size": PATCH, "hidden_size": WIDTH, "num_hidden_layers": DEPTH,
    "num_attention_heads": HEADS, "intermediate_size": 2 * WIDTH, "mlp_ratio": 2,
}
g = generator(0)
pictures = normal((2, 3, SIZE, SIZE), 1, g)
features = {"images": pictures}


def drawn(model):
    """Every parameter drawn, so that nothing is 0 or 1, and rounded to what float16 holds."""
    model = model.double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            std = parameter[0].numel() ** -0.5 if parameter.ndim in (2, 4) else 0.2
            is_scale = re.search(r"(norm\w*\.weight|norm[12]\.weight|gamma|lambda1)$", name) is not None
            parameter.copy_((normal(parameter.shape, std, g) + (1 if is_scale else 0)).half().double())
    return model


def write(name, state):
    half = {key: value.half().contiguous() if value.is_floating_point() else value for key, value in state.items()}
    save_file(half, os.path.join(FOLDER, name + ".safetensors"), {"format": "pt"})


def of_timm(name, model):
    with torch.no_grad():
        features[name] = drawn(model).forward_features(pictures)
    write(name, model.state_dict())


def of_transformers(name, model, tokens):
    """As transformers saves it; the names in its modules differ."""
    with torch.no_grad():
        features[name] = tokens(drawn(model))
    with tempfile.TemporaryDirectory() as folder:
        model.float().save_pretrained(folder)
        state = load_file(os.path.join(folder, "model.safetensors"))
        with open(os.path.join(folder, "config.json")) as file:
            config = json.load(file)
    write(name, state)
    keys = ["model_type", "hidden_act", "image_size", "layer_norm_eps", "num_attention_heads"]
    own = config.get("vision_config", config)
    with open(os.path.join(FOLDER, name + ".json"), "w") as file:
        file.write(json.dumps({key: own[key] for key in keys}, indent=2) + "\n")
    return state


def mae_tokens(model):
    order = torch.arange((SIZE // PATCH) ** 2).expand(2, -1)
    return model.vit(pictures, noise=order.double()).last_hidden_state


def clip_tokens(model):
    """transformers norms the class token alone; here the norm is the encoder's last one."""
    vision = model.vision_model if hasattr(model, "vision_model") else model
    tokens = vision(pictures)
    normed = vision.post_layernorm(tokens.last_hidden_state)
    assert torch.equal(normed[:, 0], tokens.pooler_output)
    return normed


def facebook_dinov2(state):
    """The names of Facebook's file, as transformers' script of conversion reads them."""
    out = {}
    for key, value in state.items():
        layer = re.match(r"encoder\.layer\.(\d+)\.", key)
        if layer and ".attention.attention." in key:
            if ".query." in key:
                parts = [state[key.replace("query", part)] for part in ("query", "key", "value")]
                out[f"blocks.{layer[1]}.attn.qkv.{key.split('.')[-1]}"] = torch.cat(parts)
            continue
        for old, new in [
            ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
            ("embeddings.position_embeddings", "pos_embed"), ("embeddings.", ""), ("encoder.layer", "blocks"),
            ("attention.output.dense", "attn.proj"), ("layernorm", "norm"),
        ]:
            key = key.replace(old, new)
        out[re.sub(r"layer_scale(\d)\.lambda1", r"ls\1.gamma", key)] = value
    return out


def gradients_fixture():
    """Registers with positions, a norm before the blocks and quick GELU, with every gradient."""
    model = drawn(VisionTransformer(
        img_size=8, patch_size=4, embed_dim=8, depth=1, num_heads=2, num_classes=0, reg_tokens=2, pre_norm=True,
        act_layer=QuickGELU, norm_layer=partial(nn.LayerNorm, eps=1e-6),
    ))
    images = normal((2, 3, 8, 8), 1, g)
    tokens = model.forward_features(images)
    gradient = normal(tokens.shape, 1, g)
    (tokens * gradient).sum().backward()
    out = {"input.images": images, "input.tokensGradient": gradient, "output.tokens": tokens}
    for name, parameter in model.named_parameters():
        out |= {f"parameter.{name}": parameter, f"gradient.{name}": parameter.grad}
    save("vit", "registers-quick-gelu", out, {"seed": 0})


def finetuning_fixture():
    """The first losses of timm's fine-tuning from timm-vit.safetensors: mean of the patches, a new norm and head."""
    model = VisionTransformer(**TIMM, global_pool="avg").double()
    state = load_file(os.path.join(FOLDER, "timm-vit.safetensors"))
    kept = {key: value for key, value in state.items() if not key.startswith(("head.", "norm."))}
    missing, unexpected = model.load_state_dict(kept, strict=False)
    assert sorted(missing) == ["fc_norm.bias", "fc_norm.weight", "head.bias", "head.weight"] and not unexpected
    with torch.no_grad():
        model.head.weight.copy_(normal(model.head.weight.shape, 0.2, g))
        model.head.bias.copy_(normal(model.head.bias.shape, 0.2, g))
    images = normal((4, 3, SIZE, SIZE), 1, g)
    labels = torch.tensor([0, 1, 2, 1])
    out = {"input.images": images, "input.labels": labels}
    out |= {f"parameter.head.{name}": value.clone() for name, value in model.head.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0)
    losses = []
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    save("methods", "finetuning", out | {"losses": torch.stack(losses)}, {"rate": 1e-3})


os.makedirs(FOLDER, exist_ok=True)
of_timm("timm-vit", VisionTransformer(**TIMM))
of_timm("timm-deit-distilled", VisionTransformerDistilled(**TIMM))
of_timm("timm-dinov2-registers", VisionTransformer(**TIMM, reg_tokens=3, no_embed_class=True, init_values=1e-5))
of_timm("timm-clip", VisionTransformer(**TIMM, pre_norm=True, norm_layer=partial(nn.LayerNorm, eps=1e-5)))
last = lambda model: model(pictures).last_hidden_state
of_transformers(
    "transformers-vit", transformers.ViTForImageClassification(transformers.ViTConfig(**TRANSFORMERS)),
    lambda model: model.vit(pictures).last_hidden_state,
)
of_transformers(
    "transformers-mae",
    transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(
        **TRANSFORMERS, mask_ratio=0.0, decoder_hidden_size=8, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, decoder_intermediate_size=8,
    )), mae_tokens,
)
of_transformers("transformers-dinov2", transformers.Dinov2Model(transformers.Dinov2Config(**TRANSFORMERS)), last)
registers = of_transformers(
    "transformers-dinov2-registers",
    transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(**TRANSFORMERS, num_register_tokens=3)
    ),
    last,
)
of_transformers(
    "transformers-clip",
    transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**TRANSFORMERS, projection_dim=8)),
    clip_tokens,
)
write("facebook-dinov2-registers", facebook_dinov2(registers))
features["facebook-dinov2-registers"] = features["transformers-dinov2-registers"]
save("vit", "namings/features", features, {"seed": 0, "transformers": transformers.__version__})
gradients_fixture()
finetuning_fixture()
