"""Pictures of drawn signs, rendered as a camera might see them.

A sign from `sign_art` is put before a procedural background at a random pose, lit, blurred, and
given a sensor's noise. Images are rendered in whole blocks of 32 of one class, each from a random
stream of its own, so an image does not change with how many are asked for, to the last bit.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from kornia.color import rgb_to_grayscale
from kornia.filters import gaussian_blur2d, motion_blur
from kornia.geometry.transform import get_perspective_transform, warp_perspective
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from blurnet.data.sign_art import NAMES, art

Range = tuple[float, float]

_BLOCK = 32
ART_PIXELS_PER_PIXEL = 3

# Pairs of colours that a surrounding runs between.
_SURROUNDINGS = torch.tensor(
    [
        [[0.80, 0.88, 0.97], [0.45, 0.62, 0.86]],  # sky
        [[0.97, 0.97, 0.97], [0.72, 0.75, 0.80]],  # overcast sky
        [[0.36, 0.46, 0.20], [0.07, 0.12, 0.05]],  # foliage
        [[0.50, 0.44, 0.28], [0.16, 0.13, 0.09]],  # dry grass and trunks
        [[0.62, 0.42, 0.34], [0.38, 0.22, 0.18]],  # brick
        [[0.80, 0.74, 0.64], [0.52, 0.46, 0.40]],  # plaster, indoor walls
        [[0.42, 0.42, 0.44], [0.15, 0.15, 0.17]],  # asphalt, glass
    ]
)


@dataclass(frozen=True)
class Manner:
    """How pictures are taken; ranges are uniform, lengths are fractions of the frame's side.

    Args:
        scale: the sign's side.
        stretch: the largest relative difference of width and height.
        shift: how far the sign's centre may be off the frame's, along each axis.
        turn: the largest rotation, in degrees.
        tilt: how far perspective may move each corner, along each axis.
        exposure: the light's base-2 logarithm.
        gamma: the exponent of the tone curve.
        contrast: 1 keeps the picture, 0 would make it flat.
        cast: how far each channel's gain may be off 1.
        defocus: the standard deviation of the Gaussian blur.
        motion: the share of images that are smeared by motion.
        noise: the standard deviation of the sensor's noise, in units of full scale.
        grey: the share of images without colour.
        stuck: the share of images with a leaf, sticker or stain on the sign, or two.

    """

    scale: Range
    stretch: float
    shift: float
    turn: float
    tilt: float
    exposure: Range
    gamma: Range
    contrast: Range
    cast: float
    defocus: Range
    motion: float
    noise: Range
    grey: float
    stuck: float


ROAD = Manner(
    scale=(0.8, 0.98),
    stretch=0.06,
    shift=0.035,
    turn=7.0,
    tilt=0.04,
    exposure=(-1.3, 0.5),
    gamma=(0.75, 1.4),
    contrast=(0.6, 1.1),
    cast=0.14,
    defocus=(0.006, 0.023),
    motion=0.25,
    noise=(0.003, 0.02),
    grey=0.4,
    stuck=0.4,
)

PHOTOGRAPH = Manner(
    scale=(0.88, 0.98),
    stretch=0.03,
    shift=0.015,
    turn=5.0,
    tilt=0.025,
    exposure=(-1.4, 0.4),
    gamma=(0.8, 1.2),
    contrast=(0.85, 1.05),
    cast=0.1,
    defocus=(0.006, 0.015),
    motion=0.0,
    noise=(0.003, 0.012),
    grey=0.0,
    stuck=0.0,
)


class _Chance:
    """The random numbers of one block of images."""

    def __init__(self, seed: int, *key: int) -> None:
        self._generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Give float32 in [``low``, ``high``), N × ``shape``."""
        numbers = self._generator.random((_BLOCK, *shape), dtype=np.float32)
        return torch.from_numpy(numbers) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Give float32, N × ``shape``, of mean 0 and variance 1."""
        numbers = self._generator.standard_normal((_BLOCK, *shape), dtype=np.float32)
        return torch.from_numpy(numbers)

    def integers(self, stop: int, *shape: int) -> Tensor:
        """Give int64 in 0 … ``stop`` - 1, N × ``shape``."""
        return torch.from_numpy(self._generator.integers(stop, size=(_BLOCK, *shape)))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: the tensors are too small for more, and the bytes stay the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _column(values: Tensor) -> Tensor:
    """Shape one number for each image so that it broadcasts over N × C × H × W."""
    return values.reshape(-1, 1, 1, 1)


def axes(size: int) -> tuple[Tensor, Tensor]:
    """Give the pixels' x and y in [-1, 1], each H × W."""
    ticks = (torch.arange(size) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return x, y


def _clouds(chance: _Chance, fields: int, size: int) -> Tensor:
    """Give smooth noise of several octaves, mean 0 and about within [-1, 1], N × fields × H × W."""
    total = chance.uniform(-0.55, 0.55, fields, 3, 3)
    for cells, weight in ((6, 0.35), (12, 0.25), (24, 0.2)):
        finer = chance.uniform(-weight, weight, fields, cells, cells)
        total = interpolate(total, (cells, cells), mode="bilinear") + finer
    return interpolate(total, (size, size), mode="bilinear")


def _background(chance: _Chance, size: int) -> Tensor:
    """Paint what stands behind a sign: two surroundings, a skyline, and poles or edges."""
    x, y = axes(size)
    clouds = _clouds(chance, 3, size)
    colours = _SURROUNDINGS[chance.integers(len(_SURROUNDINGS), 2)]
    colours = colours + chance.uniform(-0.07, 0.07, 2, 2, 3)

    textures = []
    for place in range(2):
        mix = torch.sigmoid(5 * clouds[:, place : place + 1] * _column(chance.uniform(0.3, 1.5)))
        bright, dark = colours[:, place, :, :, None, None].unbind(1)
        textures.append(dark + (bright - dark) * mix)

    skyline = y - _column(chance.uniform(-1.2, 1.2)) + clouds[:, 2:] * 0.6
    below = torch.sigmoid(skyline * _column(chance.uniform(3, 20)))
    picture = textures[0] + (textures[1] - textures[0]) * below

    for _ in range(3):
        angle = _column(chance.uniform(-0.25, 0.25) + chance.integers(2) * math.pi / 2)
        across = x * torch.cos(angle) + y * torch.sin(angle) - _column(chance.uniform(-1.3, 1.3))
        inside = across.abs() < _column(chance.uniform(-0.15, 0.3))
        shade = chance.uniform(0.05, 0.8, 3) * 0.3 + chance.uniform(0.05, 0.8, 1) * 0.7
        picture = torch.where(inside, shade[:, :, None, None], picture)
    return picture


def _corners(chance: _Chance, manner: Manner) -> Tensor:
    """Give where the sign's corners (clockwise from the top left) fall in the frame, N × 4 × 2."""
    square = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    stretch = chance.uniform(-manner.stretch, manner.stretch, 1, 2)
    side = chance.uniform(*manner.scale, 1, 1) * (1 + stretch)
    tilted = square * side + chance.uniform(-manner.tilt, manner.tilt, 4, 2)
    angle = torch.deg2rad(chance.uniform(-manner.turn, manner.turn))
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], 1)
    return tilted @ rotation + 0.5 + chance.uniform(-manner.shift, manner.shift, 1, 2)


def _place(signs: Tensor, corners: Tensor, size: int) -> Tensor:
    """Project premultiplied signs (N × 4 × P × P) to the frame, antialiased, N × 4 × H × W."""
    fine = 2 * size
    edge = signs.shape[-1] - 0.5
    source = torch.tensor([[-0.5, -0.5], [edge, -0.5], [edge, edge], [-0.5, edge]])
    transform = get_perspective_transform(
        source.expand(len(signs), 4, 2).contiguous(), corners * fine - 0.5
    )
    return avg_pool2d(warp_perspective(signs, transform, (fine, fine)), 2)


def _lit_sign(chance: _Chance, sign: Tensor) -> Tensor:
    """Weather a projected sign, and light it apart from what stands behind it."""
    coverage = sign[:, 3:]
    faded = _column(chance.uniform(-0.1, 0.3).clamp(min=0))
    worn = sign[:, :3] * (1 - faded) + 0.55 * faded * coverage
    stains = 1 + 0.12 * _clouds(chance, 1, sign.shape[-1])
    return worn * stains * _column(chance.uniform(0.65, 1.1))


def _stick(chance: _Chance, images: Tensor, manner: Manner) -> Tensor:
    """Cover a part of some signs with one or two slanted patches of one colour each."""
    x, y = axes(images.shape[-1])
    chosen = chance.uniform(0, 1) < manner.stuck
    for among in (chosen, chosen & (chance.uniform(0, 1) < 0.5)):
        angle = _column(chance.uniform(0, math.pi))
        left, top = (_column(chance.uniform(-0.8, 0.8)) for _ in range(2))
        along = (x - left) * angle.cos() + (y - top) * angle.sin()
        across = (y - top) * angle.cos() - (x - left) * angle.sin()
        length, width = (_column(chance.uniform(0.06, 0.28)) for _ in range(2))
        patch = (along.abs() < length) & (across.abs() < width) & _column(among)
        images = torch.where(patch, chance.uniform(0, 1, 3)[:, :, None, None], images)
    return images


def _shadow(chance: _Chance, size: int) -> Tensor:
    """Give the light left by a slanted shadow on about four images in ten, N × 1 × H × W."""
    x, y = axes(size)
    angle = _column(chance.uniform(0, 2 * math.pi))
    across = x * angle.cos() + y * angle.sin() - _column(chance.uniform(-0.7, 0.7))
    depth = _column(chance.uniform(-0.6, 0.4).clamp(min=0))
    return 1 - depth * torch.sigmoid(across * _column(chance.uniform(3, 30)))


def _blur(chance: _Chance, images: Tensor, manner: Manner) -> Tensor:
    """Defocus every image, and smear some along a random direction."""
    size = images.shape[-1]
    kernel = 2 * math.ceil(3 * manner.defocus[1] * size) + 1
    sigma = chance.uniform(*manner.defocus) * size
    images = gaussian_blur2d(images, kernel, sigma[:, None].expand(-1, 2))
    angle, direction = chance.uniform(0, 360), chance.uniform(-1, 1)
    moved = (chance.uniform(0, 1) < manner.motion).nonzero()[:, 0]
    if len(moved):
        length = max(3, size // 16 * 2 - 1)
        images[moved] = motion_blur(
            images[moved], length, angle[moved], direction[moved], mode="bilinear"
        )
    return images


def _expose(chance: _Chance, images: Tensor, manner: Manner) -> Tensor:
    """Turn light into what a camera records, uint8: exposure, tone, colour cast, noise, grey."""
    gain = torch.exp2(_column(chance.uniform(*manner.exposure)))
    tone = images.clamp(min=1e-4) ** _column(chance.uniform(*manner.gamma))
    contrast = _column(chance.uniform(*manner.contrast))
    cast = 1 + chance.uniform(-manner.cast, manner.cast, 3)[:, :, None, None]
    recorded = (0.5 + (tone - 0.5) * contrast) * gain * cast
    noise = chance.normal(*images.shape[1:]) * _column(chance.uniform(*manner.noise))
    recorded = (recorded + noise).clamp(0, 1)
    colourless = _column(chance.uniform(0, 1) < manner.grey)
    recorded = torch.where(colourless, rgb_to_grayscale(recorded), recorded)
    return (recorded * 255).round().to(torch.uint8)


@_one_thread()
def render(
    name: str, count: int, manner: Manner, size: int, seed: int, stream: int
) -> tuple[Tensor, Tensor]:
    """Render ``count`` images of one sign.

    Args:
        name: a name out of ``sign_art.NAMES``.
        count: how many.
        manner: how they are taken.
        size: the images' side in pixels.
        seed: what chance is drawn from, with ``stream``: different streams share nothing.
        stream: as ``seed``.

    Returns:
        The images, uint8, N × 3 × H × W, and how much of each pixel the sign covers before it is
        blurred, float32 in [0, 1], N × H × W.

    """
    drawings = art(name, ART_PIXELS_PER_PIXEL * size)
    images, coverages = [], []
    for block in range(math.ceil(count / _BLOCK)):
        chance = _Chance(seed, stream, NAMES.index(name), block)
        signs = drawings[chance.integers(len(drawings))]
        placed = _place(signs, _corners(chance, manner), size)
        coverage = placed[:, 3:]
        light = _background(chance, size) * (1 - coverage) + _lit_sign(chance, placed)
        light = _stick(chance, light, manner) * _shadow(chance, size)
        light = _blur(chance, light, manner)
        images.append(_expose(chance, light, manner))
        coverages.append(coverage[:, 0])
    return torch.cat(images)[:count], torch.cat(coverages)[:count]
