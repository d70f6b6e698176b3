"""Depthwise-separable convolutions with SiLU, for 3 × 32 × 32."""

from torch import nn

SHAPE = (3, 32, 32)


def separable(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride=2, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.SiLU(inplace=True),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(inplace=True),
    )


def build(num_classes=5):
    stem = (nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.SiLU(inplace=True))
    return nn.Sequential(
        nn.Sequential(*stem),
        separable(8, 16),
        separable(16, 16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, num_classes),
    )
