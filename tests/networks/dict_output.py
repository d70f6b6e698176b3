"""Gives a dict; 3 × 32 × 32."""

from torch import nn

SHAPE = (3, 32, 32)


class NamedOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4))
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        maps = self.backbone(x)
        return {"features": maps, "logits": self.head(maps.mean((2, 3)))}


build = NamedOutputs
