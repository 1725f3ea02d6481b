"""Fixtures of @splitmask/tokenizer: words of patches, their entropy, and Lloyd's iterations from given centroids.

Made with torch 2.13.0: python tools/reference/tokenizer.py
"""
import torch
import torch.nn.functional as F

from model_fixtures import generator, normal, save

g = generator(31)
out = {}

# Words: argmax of x·e over unit rows, the patch flattened channel, row, column; three ways of centring.
images = (torch.rand((3, 3, 16, 24), generator=g, dtype=torch.float32) * 2 - 1).double()
codebook = F.normalize(normal((50, 48), 1, g), dim=1).float().double()
mean = normal((48,), 0.3, g)
patches = images.reshape(3, 3, 4, 4, 6, 4).permute(0, 2, 4, 1, 3, 5).reshape(3, 24, 48)
out |= {"input.images": images, "input.codebook": codebook, "input.mean": mean, "output.patches": patches}
for label, x in {
    "none": patches, "unitRange": (patches + 1) / 2, "patch": patches - patches.mean(-1, keepdim=True),
    "mean": patches - mean,
}.items():
    similarity = x @ codebook.T
    top = similarity.topk(2).values
    assert (top[..., 0] - top[..., 1]).min() > 1e-5, "a near tie: take another seed"
    out["output.words." + label] = similarity.argmax(-1)

counts = torch.bincount(out["output.words.none"].flatten(), minlength=50).double()
p = counts / counts.sum()
entropy = -(p[p > 0] * p[p > 0].log2()).sum()
out["output.statistics"] = torch.stack([entropy, 2**entropy, (counts == 0).sum(), (counts > 0).sum()])

# Three iterations of Lloyd, Euclidean and spherical, from given centroids.
points = (normal((12, 6), 2, g)[torch.randint(0, 12, (300,), generator=g)] + normal((300, 6), 0.4, g)).float().double()
initial = points[torch.randperm(300, generator=g)[:8]]
out |= {"input.points": points, "input.initial": initial}
for label in ("euclidean", "spherical"):
    x = F.normalize(points, dim=1) if label == "spherical" else points
    centroids = F.normalize(initial, dim=1) if label == "spherical" else initial.clone()
    for _ in range(3):
        score = x @ centroids.T - (0 if label == "spherical" else 0.5 * (centroids**2).sum(1))
        top = score.topk(2).values
        assert (top[:, 0] - top[:, 1]).min() > 1e-6
        assignment = score.argmax(1)
        assert torch.bincount(assignment, minlength=8).min() > 0
        centroids = torch.stack([x[assignment == k].mean(0) for k in range(8)])
        if label == "spherical":
            centroids = F.normalize(centroids, dim=1)
    out["output.lloyd." + label] = F.normalize(centroids, dim=1)

save("tokenizer", "tokenizer", out, {"seed": 31})
