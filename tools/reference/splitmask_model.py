"""SplitMask's decoder and step in PyTorch, written from the paper's text; used by decoder.py and splitmask.py."""
import torch
import torch.nn.functional as F
from timm.layers import LayerNorm  # epsilon 1e-6
from timm.models.vision_transformer import Block


def gather(tokens, indices):
    return torch.gather(tokens, 1, indices[:, :, None].expand(-1, -1, tokens.shape[2]))


class Decoder(torch.nn.Module):
    def __init__(self, width, depth, heads, vocabulary, patches, own_positions=False, positions_to_visible=False,
                 mlp_ratio=4.0, layer_scale=None):
        super().__init__()
        self.mask_token = torch.nn.Parameter(torch.zeros(1, 1, width))
        if own_positions:
            self.pos_embed = torch.nn.Parameter(torch.zeros(1, patches, width))
        self.blocks = torch.nn.Sequential(
            *[Block(width, heads, mlp_ratio, qkv_bias=True, init_values=layer_scale,
                    norm_layer=LayerNorm) for _ in range(depth)]
        )
        self.norm = LayerNorm(width)
        self.head = torch.nn.Linear(width, vocabulary)
        self.positions_to_visible = positions_to_visible

    def forward(self, visible, visible_indices, positions):
        """visible B×(C+K)×D with C = 0 or 1 class tokens; positions 1×N×D of the encoder. Returns B×(C+N)×D, normed."""
        batch, length, width = visible.shape
        count = visible_indices.shape[1]
        prefix, visible = visible[:, : length - count], visible[:, length - count :]
        positions = getattr(self, "pos_embed", positions)
        x = (self.mask_token + positions).expand(batch, -1, -1)
        if self.positions_to_visible:
            visible = visible + gather(positions.expand(batch, -1, -1), visible_indices)
        x = x.scatter(1, visible_indices[:, :, None].expand(-1, -1, width), visible)
        return self.norm(self.blocks(torch.cat([prefix, x], 1)))


def complement(indices, patches):
    hidden = torch.ones(indices.shape[0], patches, dtype=torch.bool).scatter(1, indices, False)
    return hidden.nonzero()[:, 1].reshape(indices.shape[0], -1)


def encode_visible(vit, images, indices):
    x = gather(vit.patch_embed(images) + vit.pos_embed, indices)
    return vit.norm(vit.blocks(x))


def splitmask_losses(vit, decoder, images, words, first, second, temperature=0.2):
    """One branch after the other, as the paper tells it; N−1 negatives, mean over all hidden patches."""
    patches = words.shape[1]
    features, targets, descriptors = [], [], []
    for visible in (first, second):
        hidden = complement(visible, patches)
        tokens = decoder(encode_visible(vit, images, visible), visible, vit.pos_embed)
        features.append(decoder.head(gather(tokens, hidden)).flatten(0, 1))
        targets.append(torch.gather(words, 1, hidden).flatten())
        descriptors.append(F.normalize(tokens.mean(1), dim=1))
    inpaint = F.cross_entropy(torch.cat(features), torch.cat(targets))
    similarity = descriptors[0] @ descriptors[1].T / temperature
    labels = torch.arange(images.shape[0])
    match = (F.cross_entropy(similarity, labels) + F.cross_entropy(similarity.T, labels)) / 2
    return inpaint, match
