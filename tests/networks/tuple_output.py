"""Gives a tuple: the logits, and those of an auxiliary head; 3 × 32 × 32."""

from torch import nn

SHAPE = (3, 32, 32)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4))
        self.head = nn.Linear(8, 5)
        self.auxiliary = nn.Linear(8, 5)

    def forward(self, x):
        maps = self.features(x).mean((2, 3))
        return self.head(maps), self.auxiliary(maps)


build = TwoHeads
