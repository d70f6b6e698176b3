"""A VGG with batch normalisation, for 3 × 64 × 64."""

from torch import nn

SHAPE = (3, 64, 64)


def build(num_classes=5):
    layers, channels = [], 3
    for width in (8, "pool", 16, "pool", 16, 16, "pool"):
        if width == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width)]
        layers.append(nn.ReLU(inplace=True))
        channels = width
    head = (nn.Flatten(), nn.Linear(16 * 8 * 8, 32), nn.ReLU(inplace=True), nn.Dropout())
    return nn.Sequential(nn.Sequential(*layers), nn.Sequential(*head, nn.Linear(32, num_classes)))
