"""What random_kills.py starts: the verbs of blurnet over a small network and few drawn signs."""

import sys
from pathlib import Path

BLURNET = str(Path(sys.executable).with_name("blurnet"))
NETWORK = '''"""A small network with functional activations."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, outputs=3):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, outputs)

    def forward(self, images):
        maps = F.max_pool2d(F.relu(self.first(images)), 2)
        return self.fc(F.relu(self.second(maps)).mean((2, 3)))
'''
EXPERIMENT = """
kind: defenses
data: folder:signs
model: net.py:Net
size: 24
training: {epochs: 5, batch_size: 16}
views: 3
rows:
  - label: plain
  - label: blurred
    defense: {filters: [{size: 3}]}
  - label: learned
    defense: {filters: [{size: 3, trainable: true}]}
    warm_start: true
attacks: {short: {settings: {steps: 2}}}
"""
CHECKPOINTS_OFTEN = """
import blurnet.experiments.steps.training as training
from blurnet.cli.main import main
from blurnet.training import Checkpoints

training.CHECKPOINT_SECONDS = 0.05
Checkpoints.__init__.__defaults__ = (*Checkpoints.__init__.__defaults__[:-1], 0.05)
main()
"""
DATA = ["--data", "folder:signs", "--size", "24"]
OWN = ["--model", "net.py:Net", "--classes", "stop,stopAhead,yield", *DATA]
OUT = ["--out", "out", "-q"]
STICKER = ["--true-class", "stop", "--mask", "bars", "--target", "yield", "--steps", "60"]
HARD = ["--blur", "box:3", "--occlusion", "--epochs", "30"]
OFTEN = [sys.executable, "often.py"]
VERBS = {
    "run": [BLURNET, "run", "small.yaml", "--jobs", "1", *OUT],
    "run-2": [BLURNET, "run", "small.yaml", "--jobs", "2", *OUT],
    "train": [*OFTEN, "train", "--model", "net.py:Net", *DATA, "--epochs", "120", *OUT],
    "attack": [BLURNET, "attack", "rp2", *OWN, *STICKER, *OUT],
    "report": [BLURNET, "report", "made/run", *OUT],
    "harden": [*OFTEN, "harden", *OWN, *HARD, *OUT],
    "evaluate": [BLURNET, "evaluate", "made/harden", "--suite", "quick", "--mask", "bars", *OUT],
}
ENDS_WITH = {"evaluate": (0, 1)}  # 1: a condition does not hold


def prepare(place):
    """Write a network, an experiment, and drawn signs of three classes."""
    from PIL import Image

    from blurnet.data import synthetic

    drawn = synthetic.draw(("stop", "stopAhead", "yield"), 16, seed=3, size=24)
    for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        part = "test" if number % 4 == 0 else "train"
        path = place / "signs" / part / drawn.classes[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    (place / "net.py").write_text(NETWORK)
    (place / "small.yaml").write_text(EXPERIMENT)
    (place / "often.py").write_text(CHECKPOINTS_OFTEN)
    (place / "made").mkdir()
