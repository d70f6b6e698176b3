"""Activations called by functions, of every kind; 3 × 32 × 32."""

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = (3, 32, 32)


class Functional(nn.Module):
    def __init__(self, num_classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(8)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        x = self.conv3(x).relu()
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


build = Functional
