"""Fixtures of @splitmask/vit: timm's own VisionTransformer and Beit, values and every named gradient.

Made with torch 2.13.0 (relative positions: 2.15.0), timm 1.0.31: python tools/reference/vit.py
"""
import timm
import torch
from timm.layers import pos_embed_rel, resample_abs_pos_embed
from timm.models.beit import Beit, gen_relative_position_index
from timm.models.vision_transformer import VisionTransformer

from model_fixtures import generator, normal, randomise, save

BATCH = 2


def named(tensors):
    """Under the names of timm's VisionTransformer: Beit calls LayerScale otherwise and has no bias of the keys."""
    renamed = {}
    for key, value in tensors.items():
        if key.endswith("q_bias"):
            value = torch.cat([value, torch.zeros_like(value), tensors[key.replace("q_bias", "v_bias")]])
            key = key.replace("q_bias", "qkv.bias")
        if not key.endswith("v_bias"):
            renamed[key.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")] = value
    return renamed


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    found = {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in module.named_parameters()
    }
    return {"gradient." + name: gradient for name, gradient in named(found).items()}


def embedded_patches(vit, images):
    """Patches with their positions, and the class token, or None."""
    prefix, table = vit.num_prefix_tokens, vit.pos_embed
    patches = vit.patch_embed(images)
    if prefix == 0:
        return patches if table is None else patches + table, None
    token = vit.cls_token if table is None else vit.cls_token + table[:, :1]
    return patches if table is None else patches + table[:, 1:], token.expand(images.shape[0], -1, -1)


def bias_of(vit, indices=None):
    """The shared relative position bias, of all tokens or of some patches of each picture; None without one."""
    if not isinstance(vit, Beit):
        return None
    bias = vit.rel_pos_bias()
    if indices is None:
        return bias
    tokens = torch.cat([torch.zeros_like(indices[:, :1]), indices + 1], 1)
    return torch.stack([bias[:, own][:, :, own] for own in tokens])


def through(blocks, x, bias):
    for block in blocks:
        x = block(x) if bias is None else block(x, shared_rel_pos_bias=bias)
    return x


def model_fixture(name, seed, image_size, patch_size, model=VisionTransformer, **options):
    g = generator(seed)
    vit = model(img_size=image_size, patch_size=patch_size, num_classes=0, **options)
    randomise(vit, g)
    vit.eval()
    prefix = vit.num_prefix_tokens
    tokens_count = vit.patch_embed.num_patches
    images = normal((BATCH, 3, *image_size), 1, g)

    tokens = vit.forward_features(images)
    tokens_gradient = normal(tokens.shape, 1, g)
    out = {"input.images": images, "input.tokensGradient": tokens_gradient, "output.tokens": tokens}
    out |= {"parameter." + key: value for key, value in named(vit.state_dict()).items()}
    out |= gradients(vit, (tokens * tokens_gradient).sum())

    # timm's own pooling: global_pool avg leaves the prefix tokens out; token takes the class token.
    out["output.pooled"] = vit.forward_head(vit.forward_features(images), pre_logits=True)

    # Every layer, pooled likewise, with and without the last norm.
    for suffix, norm in ((".norm", True), ("", False)):
        layers = vit.forward_intermediates(
            images, norm=norm, output_fmt="NLC", intermediates_only=True, return_prefix_tokens=bool(prefix)
        )
        for number, layer in enumerate(layers, 1):
            out[f"output.layer.{number}{suffix}"] = layer[1][:, 0] if prefix else layer.mean(1)

    # The visible tokens only: patch embedding and positions, gather, blocks, norm.
    visible = tokens_count // 2
    indices = torch.stack([torch.randperm(tokens_count, generator=g)[:visible].sort().values for _ in range(BATCH)])
    patches, token = embedded_patches(vit, images)
    embedded = torch.gather(patches, 1, indices[:, :, None].expand(-1, -1, patches.shape[2]))
    if prefix:
        embedded = torch.cat([token, embedded], 1)
    visible_tokens = vit.norm(through(vit.blocks, embedded, bias_of(vit, indices)))
    visible_gradient = normal(visible_tokens.shape, 1, g)
    out |= {"input.indices": indices, "input.visibleGradient": visible_gradient, "output.visible": visible_tokens}
    for key, value in gradients(vit, (visible_tokens * visible_gradient).sum()).items():
        out[key.replace("gradient.", "visibleGradient.")] = value

    # Attention of the last layer.
    patches, token = embedded_patches(vit, images)
    x = through(vit.blocks[:-1], torch.cat([token, patches], 1) if prefix else patches, bias_of(vit))
    last = vit.blocks[-1]
    b, n, d = x.shape
    heads = last.attn.num_heads
    qkv = last.attn.qkv(last.norm1(x))
    if isinstance(vit, Beit):
        qkv = qkv + torch.cat([last.attn.q_bias, torch.zeros(d), last.attn.v_bias])
    qkv = qkv.reshape(b, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    scores = qkv[0] @ qkv[1].transpose(-2, -1) * (d // heads) ** -0.5
    out["output.attention"] = (scores if bias_of(vit) is None else scores + bias_of(vit)).softmax(-1)

    save("vit", name, out, {
        "seed": seed, "timm": timm.__version__, "imageSize": "x".join(map(str, image_size)), "patchSize": patch_size,
        **{key: value for key, value in options.items()},
    })


def positions_fixture():
    g = generator(3)
    out = {}
    for label, prefix, old, new in [
        ("up", 0, (4, 4), (7, 7)),
        ("down", 1, (6, 6), (4, 3)),
        ("mixed", 0, (3, 5), (5, 3)),
    ]:
        table = normal((1, prefix + old[0] * old[1], 8), 1, g).requires_grad_()
        # timm computes in float32 whatever it is given; the same call in float64 is the truth of it.
        resampled = torch.nn.functional.interpolate(
            table[:, prefix:].reshape(1, *old, 8).permute(0, 3, 1, 2), size=new, mode="bicubic", antialias=True
        ).permute(0, 2, 3, 1).reshape(1, -1, 8)
        resampled = torch.cat([table[:, :prefix], resampled], 1)
        theirs = resample_abs_pos_embed(table.float(), list(new), list(old), prefix)
        assert (theirs - resampled).abs().max() < 1e-5
        gradient = normal(resampled.shape, 1, g)
        (resampled * gradient).sum().backward()
        out |= {
            f"input.{label}": table, f"output.{label}": resampled, f"input.{label}Gradient": gradient,
            f"gradient.{label}": table.grad,
        }
    save("vit", "positions", out, {"seed": 3, "timm": timm.__version__})


def sine_cosine_fixture():
    """Fixed positions of a 5x5 grid and width 16, in the order of the papers' code."""
    side, width = 5, 16
    omega = 10000.0 ** -(torch.arange(width // 4).double() / (width // 4))

    def encoded(places):
        return torch.cat([(places[:, None] * omega).sin(), (places[:, None] * omega).cos()], 1)

    # MAE, util/pos_embed.py: np.meshgrid(grid_w, grid_h), "here w goes first": the first half is of the faster
    # coordinate.
    x, y = torch.meshgrid(torch.arange(side).double(), torch.arange(side).double(), indexing="xy")
    mae = torch.cat([encoded(x.flatten()), encoded(y.flatten())], 1)
    # MoCo v3, vits.py: torch.meshgrid(grid_w, grid_h), which indexes by "ij": its first half is of the slower one.
    w, h = torch.meshgrid(torch.arange(side).double(), torch.arange(side).double(), indexing="ij")
    moco = torch.cat([encoded(w.flatten()), encoded(h.flatten())], 1)
    save("vit", "sineCosine", {"column": mae, "row": moco}, {"side": side})


def relative_positions_fixture():
    """Which row of the table belongs to each pair of tokens, with and without a class token."""
    out = {}
    for grid in ((3, 2), (4, 4)):
        label = "x".join(map(str, grid))
        out[label + ".classToken"] = gen_relative_position_index(grid)
        out[label + ".patches"] = pos_embed_rel.gen_relative_position_index(grid)
    save("vit", "relativePositions", out, {"timm": timm.__version__})


model_fixture(
    "vit-patches", 1, (16, 16), 4, embed_dim=24, depth=2, num_heads=3, class_token=False, global_pool="avg",
    fc_norm=False,
)
model_fixture(
    "vit-class-token", 2, (12, 8), 4, embed_dim=16, depth=2, num_heads=2, class_token=True, global_pool="token",
    init_values=0.1, qkv_bias=False, mlp_ratio=2, fc_norm=False,
)
model_fixture(
    "beit-shared-bias", 4, (12, 8), 4, model=Beit, embed_dim=16, depth=2, num_heads=2, global_pool="token",
    init_values=0.1, mlp_ratio=2, use_abs_pos_emb=False, use_shared_rel_pos_bias=True, use_fc_norm=False,
)
positions_fixture()
sine_cosine_fixture()
relative_positions_fixture()
