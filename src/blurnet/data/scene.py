"""The attack's X^V: photographs of one object, the mask of its sticker, and its true class."""

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


@dataclass(frozen=True, eq=False)
class Scene:
    """Photographs of one object, or of several, with the place of a sticker on each.

    Args:
        images: uint8, V × C × H × W: RGB, or grey with one channel.
        mask: float32 in [0, 1], H × W for all photographs or V × H × W with one for each: what the
            perturbation is multiplied by, 0 where the attacker may change nothing (M_x in Eykholt
            et al., arXiv 1707.08945, equation 3).
        true_class: the name of the object's class.
        names: one name for each view, for tables and pictures.
        labels: the class of each photograph, where they show objects of several classes;
            ``true_class`` then says in words what they show.

    Raises:
        BlurnetError: where the parts do not fit each other.

    """

    images: Tensor
    mask: Tensor
    true_class: str
    names: tuple[str, ...]
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4 or not self.images.shape[1]:
            raise BlurnetError(
                f"photographs of a scene are uint8, V × C × H × W, C at least 1; "
                f"found {self.images.dtype}, {tuple(self.images.shape)}"
            )
        for what, given in (("names", self.names), ("labels", self.labels)):
            if given is not None and len(given) != len(self.images):
                raise BlurnetError(f"{len(self.images)} photographs and {len(given)} {what}")
        check_mask(self.mask, self.images)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def floats(self) -> Tensor:
        """The photographs as float32 in [0, 1], V × C × H × W, made anew at each call."""
        return self.images.float() / 255

    def fingerprint(self) -> str:
        """Hash the content (SHA-256, hexadecimal): photographs, mask and true class or labels."""
        shown = self.true_class if self.labels is None else list(self.labels)
        digest = hashlib.sha256(json.dumps([list(self.images.shape), shown]).encode())
        digest.update(self.images.contiguous().numpy().data)
        digest.update(self.mask.contiguous().numpy().data)
        return digest.hexdigest()


def check_mask(mask: Tensor, images: Tensor) -> None:
    """Refuse a mask that does not fit its images.

    Args:
        mask: float32 in [0, 1], H × W or N × H × W, no image without a place for a sticker.
        images: N × C × H × W.

    Raises:
        BlurnetError: for another shape or values, and for a black mask.

    """
    if mask.dim() == 3 and len(mask) != len(images):
        raise BlurnetError(
            f"{len(mask)} masks for {len(images)} images; give one mask, or one for each image"
        )
    if mask.dim() not in (2, 3) or mask.shape[-2:] != images.shape[-2:]:
        raise BlurnetError(
            f"the mask is {' × '.join(map(str, mask.shape))} and the photographs are "
            f"{' × '.join(map(str, images.shape[-2:]))} pixels; they must be of one size"
        )
    if not (mask.min() >= 0 and mask.max() <= 1 and mask.any()):
        raise BlurnetError("the mask's values lie in [0, 1] and some are above 0")
    if mask.dim() == 3 and not (empty := mask.flatten(1).any(1)).all():
        raise BlurnetError(
            f"the mask of image {int(empty.logical_not().nonzero()[0])} (from 0) is black; what "
            "the sticker covers is white"
        )
