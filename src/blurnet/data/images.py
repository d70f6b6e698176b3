"""Pictures from disk: found, decoded, cropped and resized, or an error that says why not."""

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from blurnet.errors import BlurnetError

Box = tuple[int, int, int, int]
"""A crop in pixels: left, top, right, bottom; right and bottom are the first ones outside."""

Size = tuple[int, int]
"""Height and width, in pixels."""

CHANNELS = {1: "L", 3: "RGB"}
"""How many channels images can be read with, and Pillow's name for it; grey is luma."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "PPM", "BMP", "WEBP")
MAX_PIXELS = 64_000_000
MAX_SCANS = 100
"""Scans of a progressive JPEG, which has about ten. Each costs a pass over all of its pixels."""

_warning_filters = Lock()


def listing(directory: Path) -> list[Path]:
    """List what a folder holds, hidden entries left out, in natural order (2.png before 10.png).

    Raises:
        BlurnetError: if there is no such folder.

    """
    try:
        entries = [entry for entry in directory.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        raise BlurnetError(f"{directory}: no such folder") from None
    except OSError as error:
        raise BlurnetError(f"{directory}: a folder was expected: {error.strerror}") from None
    except ValueError as error:  # a name that no system has
        raise BlurnetError(f"{directory}: no such folder: {error}") from None
    return sorted(entries, key=_natural)


def subfolders(directory: Path) -> list[Path]:
    """List the folders in a folder, in natural order.

    Raises:
        BlurnetError: if there is no such folder.

    """
    return [entry for entry in listing(directory) if entry.is_dir()]


def image_files(directory: Path) -> list[Path]:
    """List the pictures in a folder by their suffixes, in natural order.

    Raises:
        BlurnetError: if there is no such folder.

    """
    return [entry for entry in listing(directory) if entry.suffix.lower() in SUFFIXES]


def read_picture(path: Path) -> Image.Image:
    """Decode a picture as 8-bit RGB, upright by its EXIF orientation.

    Grey is repeated over the channels, 16-bit values are scaled to 8, transparent parts are black;
    an animation gives its first frame.

    Args:
        path: a PNG, JPEG, PPM, BMP or WebP file of at most 64 megapixels.

    Raises:
        BlurnetError: if it is anything else, or broken.

    """
    if os.path.isdir(path):
        raise BlurnetError(f"{path}: a folder, where a picture was expected")
    if not os.path.isfile(path):
        raise BlurnetError(f"{path}: no such file")
    try:
        with _open(path) as picture:
            _check_scans(path, picture)
            ImageOps.exif_transpose(picture, in_place=True)
            return _rgb(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BlurnetError(
            f"{path}: a picture of more than {MAX_PIXELS // 10**6} megapixels; make it smaller"
        ) from None
    except UnidentifiedImageError:
        with path.open("rb") as file:
            start = file.read(24)
        found = f"it starts with {start!r}" if start else "it is empty"
        raise BlurnetError(
            f"{path}: not a picture in one of the formats {', '.join(FORMATS)}: {found}"
        ) from None
    except Exception as error:  # decoders raise what they like on a broken file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BlurnetError(f"{path}: this picture cannot be read: {reason}") from None


def as_size(size: int | Sequence[int] | None) -> Size | None:
    """Give height and width of a size, N for N × N.

    Raises:
        BlurnetError: if it is no size.

    """
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or min(sides) < 1:
        raise BlurnetError(f"a size is one number of pixels or two (height, width), found {size}")
    return sides[0], sides[1]


def check_channels(channels: int) -> None:
    """Raise a BlurnetError unless images can be read with so many channels."""
    if channels not in CHANNELS:
        raise BlurnetError(f"images have 1 channel (grey) or 3 (RGB), not {channels}")


def pixels(size: Sequence[int]) -> str:
    """Write a size, or the last two numbers of a shape, as people do: width × height."""
    return f"{size[-1]} × {size[-2]}"


def to_tensor(
    picture: Image.Image,
    *,
    size: int | Size | None = None,
    box: Box | None = None,
    channels: int = 3,
) -> Tensor:
    """Crop a picture to ``box`` and resize it to ``size``; the aspect ratio is not kept.

    The resizing is bilinear, antialiased where it shrinks; sharper kernels ring, and would add the
    high frequencies that this project measures.

    Args:
        picture: in RGB.
        size: edge length in pixels, or height and width; as it is, if None.
        box: the part to keep; everything, if None.
        channels: 3 for RGB, 1 for luma (ITU-R BT.601).

    Returns:
        uint8, ``channels`` × H × W.

    Raises:
        BlurnetError: if the box is empty or not inside the picture, or for other channels.

    """
    check_channels(channels)
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
            raise BlurnetError(
                f"the box {box} (left, top, right, bottom) is empty or not inside the picture, "
                f"which has {picture.width} × {picture.height} pixels"
            )
        picture = picture.crop(box)
    if not picture.width or not picture.height:
        raise BlurnetError("a picture without pixels")
    if picture.mode != CHANNELS[channels]:
        picture = picture.convert(CHANNELS[channels])
    wanted = as_size(size)
    if wanted is not None and picture.size != wanted[::-1]:
        picture = picture.resize(wanted[::-1], Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(picture))
    return values[None] if channels == 1 else values.permute(2, 0, 1).contiguous()


def read_image(
    path: Path, *, size: int | Size | None = None, box: Box | None = None, channels: int = 3
) -> Tensor:
    """Read a picture (see ``read_picture``), cropped and resized (see ``to_tensor``).

    Returns:
        uint8, ``channels`` × H × W, RGB or luma.

    Raises:
        BlurnetError: if the file is no whole picture, or the box is empty or not inside it.

    """
    picture = read_picture(path)
    try:
        return to_tensor(picture, size=size, box=box, channels=channels)
    except BlurnetError as error:
        raise BlurnetError(f"{path}: {error}") from None


def picture_size(path: Path) -> Size | None:
    """Read height and width from a picture's header; None if there is no such picture."""
    try:
        with _open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    except Exception:  # as ``read_picture``, which says what is wrong
        return None
    return (width, height) if turned else (height, width)


def read_mask(path: Path) -> Tensor:
    """Read a grey picture as a mask.

    Returns:
        float32 in [0, 1], H × W: the grey value divided by 255, small ones included.

    Raises:
        BlurnetError: if the file is no whole picture, or has colours.

    """
    image = read_image(path)
    if (image != image[0]).any():
        raise BlurnetError(f"{path}: a mask is a grey picture, and this one has colours")
    return image[0].float().div_(255)


def _natural(path: Path) -> tuple[list[str | int], str]:
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], path.name


def _open(path: Path) -> Image.Image:
    """Read a picture's header alone; one with too many pixels is an error, where Pillow warns."""
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        picture = Image.open(path, formats=FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise Image.DecompressionBombError
    return picture


def _check_scans(path: Path, picture: Image.Image) -> None:
    if picture.format == "JPEG" and "progressive" in picture.info:
        scans = path.read_bytes().count(b"\xff\xda")
        if scans > MAX_SCANS:
            raise ValueError(f"a JPEG of {scans} scans, where about ten are usual")


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "F":
        raise ValueError("its values are floating-point numbers, where 8 or 16 bits are expected")
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int32)
        values += 128  # rounds, as 257 is odd
        values //= 257
        picture = Image.fromarray(values.clip(0, 255, out=values).astype(np.uint8))
    if picture.has_transparency_data:
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture.convert("RGBA"))
    return picture.convert("RGB")
