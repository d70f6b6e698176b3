"""Gives an object with ``.logits``; 3 × 32 × 32."""

from dataclasses import dataclass

import torch
from torch import nn

SHAPE = (3, 32, 32)


@dataclass
class Output:
    loss: torch.Tensor | None
    logits: torch.Tensor


class WithLogits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.GELU()
        self.head = nn.Linear(8, 5)

    def forward(self, pixel_values, labels=None):
        return Output(None, self.head(self.act(self.conv(pixel_values)).mean((2, 3))))


build = WithLogits
