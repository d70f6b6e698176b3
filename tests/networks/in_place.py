"""Normalises the images that it is given in place; 3 × 32 × 32."""

from torch import nn

SHAPE = (3, 32, 32)


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x -= 0.5
        x /= 0.25
        return self.fc(self.relu(self.conv(x)).mean((2, 3)))


build = InPlace
