"""Loads what `saveEncoder` of @splitmask/vit wrote for timm and transformers, and compares the features.

Needs torch, timm, transformers; not part of the tests, which have no Python:
node tools/reference/writtenEncoders.mjs FOLDER && python tools/reference/load_written_encoders.py FOLDER
"""
import os
import sys

import timm
import torch
import transformers
from safetensors.torch import load_file

worst = 0
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    given = load_file(os.path.join(folder, "features.safetensors"))
    images, ours = given["images"], given["tokens"]
    for library in ("timm", "transformers"):
        path = os.path.join(folder, library)
        if not os.path.exists(path):
            continue
        with torch.no_grad():
            if library == "timm":
                model = timm.create_model(f"local-dir:{path}", pretrained=True).eval()
                theirs = model.forward_features(images)
            else:
                model, loading = transformers.AutoModel.from_pretrained(path, output_loading_info=True)
                missing = [key for key in loading["missing_keys"] if not key.startswith("pooler.")]
                assert not missing and not loading["unexpected_keys"], loading
                theirs = model.eval()(images).last_hidden_state
        error = (theirs - ours).abs().max().item()
        worst = max(worst, error)
        print(f"{name:24} {type(model).__name__:28} largest difference {error:.1e}")
assert worst < 1e-4, worst
