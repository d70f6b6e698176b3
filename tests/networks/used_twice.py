"""One module used twice, under two names; 3 × 32 × 32."""

from torch import nn

SHAPE = (3, 32, 32)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.second = self.first
        self.relu = nn.ReLU()
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.relu(self.stem(x))
        x = self.relu(self.second(self.relu(self.first(x))))
        return self.fc(x.mean((2, 3)))


build = Recurrent
