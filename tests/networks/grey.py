"""One channel, 1 × 28 × 28, as for handwritten digits."""

from torch import nn

SHAPE = (1, 28, 28)


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 8, 5)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))
        return self.fc(self.pool(self.relu(self.conv2(x))).flatten(1))


build = Digits
