"""Pictures from disk: found, decoded, cropped and resized, or an error that says why not."""

import os
import re
import warnings
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from blurnet.errors import BlurnetError

Box = tuple[int, int, int, int]
"""A crop in pixels: left, top, right, bottom; right and bottom are the first ones outside."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "PPM", "BMP", "WEBP")
MAX_PIXELS = 64_000_000

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


def to_tensor(picture: Image.Image, *, size: int | None = None, box: Box | None = None) -> Tensor:
    """Crop a picture to ``box`` and resize it to ``size`` × ``size``.

    The resizing is bilinear, antialiased where it shrinks; sharper kernels ring, and would add the
    high frequencies that this project measures.

    Args:
        picture: in RGB.
        size: edge length in pixels; as it is, if None.
        box: the part to keep; everything, if None.

    Returns:
        uint8, 3 × H × W.

    Raises:
        BlurnetError: if the box is empty or not inside the picture.

    """
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
            raise BlurnetError(
                f"the box {box} (left, top, right, bottom) is empty or not inside the picture, "
                f"which has {picture.width} × {picture.height} pixels"
            )
        picture = picture.crop(box)
    if size is not None and picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def read_image(path: Path, *, size: int | None = None, box: Box | None = None) -> Tensor:
    """Read a picture (see ``read_picture``), cropped and resized (see ``to_tensor``).

    Returns:
        uint8, 3 × H × W, RGB.

    Raises:
        BlurnetError: if the file is no whole picture, or the box is empty or not inside it.

    """
    picture = read_picture(path)
    try:
        return to_tensor(picture, size=size, box=box)
    except BlurnetError as error:
        raise BlurnetError(f"{path}: {error}") from None


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
    return image[0].float() / 255


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


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "F":
        raise ValueError("its values are floating-point numbers, where 8 or 16 bits are expected")
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture) / 257).round().astype(np.uint8))
    if picture.has_transparency_data:
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture.convert("RGBA"))
    return picture.convert("RGB")
