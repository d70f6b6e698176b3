"""Masks from pictures: one for all images, or a folder with one for each."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from blurnet.data.images import SUFFIXES, Size, image_files, pixels, read_mask, subfolders
from blurnet.errors import BlurnetError


class Masks(NamedTuple):
    """Where stickers may be.

    Args:
        mask: float32 in [0, 1], H × W for all images, or N × H × W with one for each.
        resized_from: height and width of the pictures that were resized; None if none was.

    """

    mask: Tensor
    resized_from: Size | None


def read_masks(path: Path, names: Sequence[str], size: Size) -> Masks:
    """Read one mask for all images, or one for each from a folder.

    A mask of the images' size is taken as it is: a grey value, divided by 255, multiplies the
    perturbation. One of another size is resized so that a pixel is 1 where at least half of its
    area is covered, and 0 elsewhere.

    Args:
        path: a grey picture, white where the sticker may be; or a folder that has one for each
            image, with the image's file name (the suffix may differ), in folders of the classes
            as the images are or, where no two images have one name, all in one.
        names: the images' names, ``class/file`` or ``file``, without suffixes.
        size: height and width of the images.

    Raises:
        BlurnetError: if a mask is missing, no grey picture, or black (also after resizing).

    """
    if not path.is_dir():
        return Masks(*_fitted(path, size))
    found = {file.stem: file for file in image_files(path)}
    for folder in subfolders(path):
        found |= {f"{folder.name}/{file.stem}": file for file in image_files(folder)}
    stems = [name.rpartition("/")[2] for name in names]
    of_that_name = Counter(stems)
    files = [
        found.get(name) or (found.get(stem) if of_that_name[stem] == 1 else None)
        for name, stem in zip(names, stems, strict=True)
    ]
    missing = [name for name, file in zip(names, files, strict=True) if file is None]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" * (len(missing) > 3))
        raise BlurnetError(
            f"{path}: no mask for {shown}; a folder of masks has a picture of each photograph's "
            f"name ({', '.join(SUFFIXES)})"
        )
    fitted = [_fitted(file, size) for file in files if file is not None]
    origins = [origin for _, origin in fitted if origin is not None]
    return Masks(torch.stack([mask for mask, _ in fitted]), origins[0] if origins else None)


def _fitted(path: Path, size: Size) -> tuple[Tensor, Size | None]:
    mask = read_mask(path)
    if not mask.any():
        raise BlurnetError(f"{path}: the mask is black; what the sticker covers is white")
    if mask.shape == size:
        return mask, None
    shares = Image.fromarray(mask.numpy()).resize(size[::-1], Image.Resampling.BOX)
    resized = (torch.from_numpy(np.array(shares)) >= 0.5).float()
    if not resized.any():
        raise BlurnetError(
            f"{path}: nothing is left of the mask when it is resized from {pixels(mask.shape)} to "
            f"the images' {pixels(size)} pixels; draw it larger"
        )
    return resized, (mask.shape[0], mask.shape[1])
