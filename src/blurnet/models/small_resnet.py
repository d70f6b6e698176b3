"""A small residual network, so that nothing silently assumes LISA-CNN."""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut (He et al., arXiv 1512.03385, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.relu2 = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Give the block's maps, N × outputs × H/stride × W/stride."""
        residual = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(maps)))))
        result: Tensor = self.relu2(residual + self.shortcut(maps))
        return result


class SmallResNet(nn.Module):
    """A convolution and three residual blocks, for images of any size.

    Args:
        num_classes: the number of logits.
        widths: how many maps each block gives.

    """

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.block1 = ResidualBlock(32, widths[0], stride=2)
        self.block2 = ResidualBlock(widths[0], widths[1], stride=2)
        self.block3 = ResidualBlock(widths[1], widths[2], stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[2], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits, N × classes, of images in [0, 1], N × 3 × H × W."""
        maps = self.relu1(self.norm1(self.conv1((images - 0.5) / 0.25)))
        maps = self.block3(self.block2(self.block1(maps)))
        logits: Tensor = self.fc(self.pool(maps).flatten(1))
        return logits
