"""Transforms by the camera: out of focus, its own noise, its size, and the file it writes."""

import functools
import io
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from PIL import Image, JpegImagePlugin
from torch import Tensor

from blurnet.attacks.transforms.base import Transform, clamp, straight_through
from blurnet.errors import BlurnetError

_COSINES = torch.cos(
    torch.outer(torch.arange(8, dtype=torch.float64), torch.arange(1, 16, 2)) * torch.pi / 16
)
_DCT = (_COSINES * torch.tensor([0.5**0.5, 1, 1, 1, 1, 1, 1, 1])[:, None] / 2).float()
"""The orthonormal DCT-II of length 8: frequency × place."""

_YCBCR = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
"""RGB to Y, Cb and Cr, chroma around 0 (JFIF 1.02, from ITU-R BT.601)."""


@dataclass(frozen=True)
class GaussianBlur(Transform):
    """Blur with a Gaussian; beyond the border the outermost pixels repeat.

    Args:
        sigma: largest standard deviation, in pixels of what is blurred, in 0…100; each image's is
            drawn uniformly from 0 up to it.

    """

    sigma: float = 1.0

    limits: ClassVar[dict[str, tuple[float, float]]] = {"sigma": (0, 100)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the standard deviations, in pixels, N × 1."""
        return self.sigma * torch.rand(count, 1, generator=generator, device=generator.device)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Blur each image."""
        size = 2 * math.ceil(3 * self.sigma) + 1
        # of 0.001 pixels and less, a kernel is exactly 1 in its middle
        taps = get_gaussian_kernel1d(size, parameters.to(images).clamp(min=1e-3))
        return clamp(filter2d_separable(images, taps, taps, "replicate"))


@dataclass(frozen=True)
class SensorNoise(Transform):
    """Add Gaussian noise to each value by itself, and clip straight through.

    The noise is what is drawn, so kept parameters (``redraw`` off) take the room of the images.

    Args:
        sigma: its standard deviation, in image values (0 to 1), in 0…1.

    """

    sigma: float = 0.02

    limits: ClassVar[dict[str, tuple[float, float]]] = {"sigma": (0, 1)}

    def draw(
        self, count: int, image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the noise, N × C·H·W."""
        channels, height, width = image_shape
        shape = (count, channels * height * width)
        return self.sigma * torch.randn(shape, generator=generator, device=generator.device)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Add each image's noise."""
        return clamp(images + parameters.to(images).view(images.shape))


@dataclass(frozen=True)
class Resize(Transform):
    """Resize bilinearly, antialiased where it shrinks. Nothing is drawn.

    The same filter as ``blurnet.data`` reads pictures with (Pillow's), so that what is attacked is
    what a resized file would be; kornia's antialiasing is a Gaussian, which is not.

    Args:
        height: what the network takes, in pixels, at least 1.
        width: likewise.

    """

    height: int = 32
    width: int = 32

    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "height": (1, 10_000),
        "width": (1, 10_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.height % 1 or self.width % 1:
            raise BlurnetError(
                f"Resize: height and width are whole numbers; found {self.height} and {self.width}"
            )

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw nothing, N × 0."""
        return torch.empty(count, 0, device=generator.device)

    def __call__(self, images: Tensor, _parameters: Tensor, /) -> Tensor:
        """Resize each image."""
        size = (self.height, self.width)
        # torch antialiases nothing less exact than float32
        exact = images.to(torch.promote_types(images.dtype, torch.float32))
        small = F.interpolate(exact, size, mode="bilinear", align_corners=False, antialias=True)
        return clamp(small).to(images)

    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Give C × ``height`` × ``width``."""
        return (image_shape[0], self.height, self.width)


@dataclass(frozen=True)
class JPEG(Transform):
    """Compress and decompress: the image of the real codec, the gradient of the identity.

    The real one, since a rounded coefficient of 0 is what takes a sticker's high frequencies away:
    baseline JPEG with chroma at half the resolution, the tables of Pillow (libjpeg), all images at
    once on their own device. kornia's differentiable codec rounds softly, and is 3 of 255 off
    Pillow's answer on average on RP2's photographs; this one 0.1 to 0.4.

    Args:
        lowest: least quality, in 1…100, as libjpeg counts it.
        highest: most, at least ``lowest``; each image's is drawn from the whole numbers between.

    """

    lowest: int = 50
    highest: int = 95

    limits: ClassVar[dict[str, tuple[float, float]]] = {"lowest": (1, 100), "highest": (1, 100)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lowest > self.highest or self.lowest % 1 or self.highest % 1:
            raise BlurnetError(
                "JPEG: lowest and highest are whole numbers, lowest ≤ highest; "
                f"found {self.lowest} and {self.highest}"
            )

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the qualities, N × 1."""
        qualities = torch.randint(
            int(self.lowest),
            int(self.highest) + 1,
            (count, 1),
            generator=generator,
            device=generator.device,
        )
        return qualities.float()

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Compress each image."""
        with torch.no_grad():
            decoded = codec(images.detach().float(), parameters[:, 0].to(images.device))
        return straight_through(images, decoded.to(images))


def codec(images: Tensor, quality: Tensor) -> Tensor:
    """Give what is left of images after baseline JPEG (ITU-T T.81), chroma subsampled 2 × 2.

    Rounded where libjpeg rounds, so that as few coefficients as can be fall on the other side.

    Args:
        images: float32 in [0, 1], N × 3 × H × W, or grey, N × 1 × H × W.
        quality: whole numbers in 1…100, N.

    Raises:
        BlurnetError: for another number of channels.

    """
    channels, height, width = images.shape[1:]
    if channels not in (1, 3):
        raise BlurnetError(f"JPEG keeps images of 1 or 3 channels; found {channels}")
    dct, to_ycbcr, to_rgb, tables = _constants(images.device)
    table = tables[quality.long() - 1]
    pixels = (images * 255).round()
    pixels = F.pad(pixels, (0, -width % 16, 0, -height % 16), mode="replicate")
    planes = pixels
    if channels == 3:
        planes = torch.einsum("kc,nchw->nkhw", to_ycbcr, pixels).round()
    luma = _quantised(planes[:, :1] - 128, table[:, :1], dct) + 128
    if channels == 1:
        return luma[:, :, :height, :width].clamp(0, 255) / 255
    chroma = _whole(F.avg_pool2d(planes[:, 1:], 2), 1 / 4, 2 / 4)
    chroma = _quantised(chroma, table[:, 1:], dct)
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    planes = torch.cat((luma, _whole(chroma, 8 / 16, 7 / 16)), 1)
    pixels = torch.einsum("ck,nkhw->nchw", to_rgb, planes)
    return pixels[:, :, :height, :width].round().clamp(0, 255) / 255


def _whole(planes: Tensor, even: float, odd: float) -> Tensor:
    """Round as libjpeg does where it resamples: down, after a bias that alternates by column."""
    parity = torch.arange(planes.shape[3], device=planes.device) % 2
    return (planes + even + (odd - even) * parity).floor()


def _quantised(planes: Tensor, table: Tensor, dct: Tensor) -> Tensor:
    """Round the DCT's coefficients of 8 × 8 blocks to multiples of the table's, N × 1 × 8 × 8."""
    count, channels, height, width = planes.shape
    blocks = planes.view(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    steps = table[:, :, None, None]
    coefficients = (dct @ blocks @ dct.T * 8).round() / 8  # libjpeg's are eighths
    multiples = (coefficients.abs() / steps + 0.5).floor() * coefficients.sign()
    decoded = dct.T @ (multiples * steps) @ dct
    return decoded.transpose(3, 4).reshape(planes.shape).round().clamp(-128, 127)


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Put on a device, once: the DCT, the colour matrices, and the tables of each quality.

    The tables are Pillow's own, 100 × 2 (luma and chroma) × 8 × 8.
    """
    tables = []
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (1, 1)).save(file, "JPEG", quality=quality)
        with JpegImagePlugin.JpegImageFile(io.BytesIO(file.getvalue())) as picture:
            tables.append([picture.quantization[0], picture.quantization[1]])
    steps = torch.tensor(tables, dtype=torch.float32).view(100, 2, 8, 8)
    inverse = torch.linalg.inv(_YCBCR)
    return _DCT.to(device), _YCBCR.to(device), inverse.to(device), steps.to(device)
