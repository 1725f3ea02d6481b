"""Random resized crops of JPEG files through PyTorch's DataLoader and torchvision, for `npm run bench -- data`.

What benchmarks/sides/loader.mjs does, as a user of PyTorch writes it.

RandomResizedCrop (bicubic, antialiased), RandomHorizontalFlip, ToTensor, Normalize with ImageNet's numbers; pictures
are opened by Pillow, as torchvision's ImageFolder does. Argument: folder, size, batch, workers as JSON. Answers lines
of standard input as benchmarks/serve.mjs says; a round is whole passes over the files.

Needs torch 2.13.0, torchvision 0.28.0, Pillow:

    python tools/reference/bench_data.py '{"folder": "photographs", "size": 224, "batch": 64, "workers": 2}'
"""
import json
import os
import sys

import PIL
import torch
import torchvision
from bench_side import serve
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

settings = json.loads(sys.argv[1])
torch.set_num_threads(1)


class Photographs(Dataset):
    def __init__(self, folder):
        self.files = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        self.transform = transforms.Compose([
            transforms.RandomResizedCrop(settings["size"], interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as picture:
            return self.transform(picture.convert("RGB"))


dataset = Photographs(settings["folder"])
loader = DataLoader(dataset, batch_size=settings["batch"], shuffle=True, num_workers=settings["workers"],
                    drop_last=True, persistent_workers=True)
for _ in loader:
    pass
versions = f"{torch.__version__}, {torchvision.__version__}, Pillow {PIL.__version__}"
serve({"version": versions, "pictures": len(dataset)}, lambda: sum(1 for _ in loader))
