"""What a user has: a network of their own in a file, signs in folders, and a mask, at 64 px."""

from pathlib import Path

from PIL import Image

CODE = '''"""A small network with functional activations."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.fc = nn.Linear(64 * 16, outputs)

    def forward(self, images):
        maps = F.relu(self.conv1((images - 0.5) / 0.25))
        maps = F.relu(self.conv2(maps))
        maps = F.max_pool2d(F.relu(self.conv3(maps)), 2)
        return self.fc(maps.flatten(1))


def build():
    return Net(3)
'''

CLASSES = ("merge", "stop", "yield")
SIZE = 64


def write_own(folder: Path, *, train: int = 40, test: int = 8) -> Path:
    """Write ``mynet.py``, ``signs/train`` and ``signs/test``, and ``bars.png``."""
    from blurnet.attacks.masks import bars
    from blurnet.data import synthetic

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mynet.py").write_text(CODE)
    for part, count, seed in (("train", train, 0), ("test", test, 1)):
        drawn = synthetic.draw(CLASSES, count, seed=seed, size=SIZE)
        for place, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
            path = folder / "signs" / part / CLASSES[label] / f"{place % count:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    mask = (bars((SIZE, SIZE)) * 255).byte()
    Image.fromarray(mask.numpy()).save(folder / "bars.png")
    return folder


def train_own(folder: Path, *, epochs: int = 8) -> Path:
    """Train the network of such a folder as its user would, and write ``w.safetensors``."""
    from safetensors.torch import save_file

    import blurnet
    from blurnet.models import import_model

    net = import_model(f"{folder / 'mynet.py'}:build")
    signs = blurnet.load_images(f"folder:{folder / 'signs'}")
    settings = blurnet.FitSettings(epochs=epochs, batch_size=16, lr=2e-3)
    blurnet.train(net, (signs.train.images, signs.train.labels), settings=settings)
    save_file(net.model.state_dict(), folder / "w.safetensors")
    return folder / "w.safetensors"
