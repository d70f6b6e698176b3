"""What ``torch.compile`` makes of a network; 3 × 32 × 32."""

import torch
from torch import nn

SHAPE = (3, 32, 32)


def build():
    return torch.compile(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 5),
        ),
        backend="eager",
    )
