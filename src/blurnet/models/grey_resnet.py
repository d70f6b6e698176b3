"""A residual network that sees shapes: grey images, each with a contrast of its own made equal."""

from torch import Tensor, nn

from blurnet.models.small_resnet import SmallResNet

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue, as ITU-R BT.601 weighs them."""


class GreyResNet(SmallResNet):
    """A wider SmallResNet on luma, shifted and scaled to the same mean and spread in every image.

    Most of LISA's videos are grey and the rest have colours of their own, so colour misleads there.

    Args:
        num_classes: the number of logits.

    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, widths=(64, 128, 256))
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits, N × classes, of images in [0, 1], N × 3 × H × W."""
        grey = (images * images.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
        mean = grey.mean(dim=(2, 3), keepdim=True)
        spread = grey.std(dim=(2, 3), keepdim=True)
        return super().forward(0.5 + 0.25 * (grey - mean) / (spread + 0.02))
