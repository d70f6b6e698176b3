"""A program of ``torch.export``, for 4 images at once of 3 × 32 × 32."""

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = (3, 32, 32)


class Original(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.conv = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.conv(F.relu(self.stem(x))).relu()
        return self.fc(x.mean((2, 3)).view(len(x), 8))


def program():
    return torch.export.export(Original().eval(), (torch.zeros(4, *SHAPE),))


def build():
    return program().module()
