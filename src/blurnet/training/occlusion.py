"""Training on images with random rectangles pasted on, the cheap control of adversarial ones."""

import torch
from torch import Tensor


def random_rectangles(
    images: Tensor,
    *,
    most: int = 3,
    smallest: int = 2,
    largest: int = 12,
    generator: torch.Generator,
) -> Tensor:
    """Paste 0 to ``most`` opaque rectangles of one random colour each on every image.

    Args:
        images: float32 in [0, 1], N × C × H × W; left as they are.
        most: the largest number of rectangles on an image.
        smallest: the shortest side, in pixels, at least 1.
        largest: the longest side, in pixels, at least ``smallest``.
        generator: where number, place, sides and colours are drawn from, a CPU generator.

    Returns:
        The occluded images.

    """
    count, channels, height, width = images.shape
    rows, lines = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]

    def draw(low: int, high: int) -> Tensor:
        return torch.randint(low, high + 1, (count, 1, 1), generator=generator)

    wanted = draw(0, most)
    for place in range(most):
        tall, wide = draw(smallest, largest), draw(smallest, largest)
        top = draw(0, height - 1) - tall // 2
        left = draw(0, width - 1) - wide // 2
        inside = (rows >= top) & (rows < top + tall) & (lines >= left) & (lines < left + wide)
        inside = (inside & (place < wanted))[:, None].to(images.device)
        colors = torch.rand(count, channels, 1, 1, generator=generator).to(images)
        images = torch.where(inside, colors, images)
    return images
