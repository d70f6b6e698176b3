"""LISA-CNN, the sign classifier that RP2 was published against."""

from torch import Tensor, nn


class LisaCNN(nn.Module):
    """Three convolutions and one linear layer, for 32 × 32 images.

    The network of Eykholt et al. (arXiv 1707.08945, section 4.1), with the layer sizes of their
    published weights: conv1 64 × (8 × 8) stride 2 padding 3; conv2 128 × (6 × 6) stride 2; conv3
    128 × (5 × 5); a ReLU after each; fc 512 → classes. Images are taken in [0, 1] without
    normalisation, as those weights expect.

    Args:
        num_classes: the number of logits.
        first: the number of first-layer maps; 64 in RP2's network.

    """

    def __init__(self, num_classes: int, first: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, first, 8, stride=2, padding=3)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(first, 128, 6, stride=2)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(128, 128, 5)
        self.relu3 = nn.ReLU()
        self.fc = nn.Linear(512, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits, N × classes, of images in [0, 1], N × 3 × 32 × 32."""
        maps = self.relu1(self.conv1(images))
        maps = self.relu2(self.conv2(maps))
        maps = self.relu3(self.conv3(maps))
        logits: Tensor = self.fc(maps.flatten(1))
        return logits
