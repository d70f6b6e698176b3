"""The attack's X^V: photographs of one object, the mask of its sticker, and its true class."""

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


@dataclass(frozen=True, eq=False)
class Scene:
    """Views of one object, all under one mask.

    Args:
        images: uint8, V × 3 × H × W, RGB.
        mask: float32 in [0, 1], H × W: what the perturbation is multiplied by, 0 where the attacker
            may change nothing (M_x in Eykholt et al., arXiv 1707.08945, equation 3).
        true_class: the name of the object's class.
        names: one name for each view, for tables and pictures.

    Raises:
        BlurnetError: where the parts do not fit each other.

    """

    images: Tensor
    mask: Tensor
    true_class: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4 or self.images.shape[1] != 3:
            raise BlurnetError(
                f"photographs of a scene are uint8, V × 3 × H × W; "
                f"found {self.images.dtype}, {tuple(self.images.shape)}"
            )
        if self.mask.shape != self.images.shape[2:]:
            raise BlurnetError(
                f"the mask is {' × '.join(map(str, self.mask.shape))} and the photographs are "
                f"{' × '.join(map(str, self.images.shape[2:]))} pixels; they must be of one size"
            )
        if self.mask.min() < 0 or self.mask.max() > 1 or not self.mask.any():
            raise BlurnetError("the mask's values lie in [0, 1] and some are above 0")
        if len(self.names) != len(self.images):
            raise BlurnetError(f"{len(self.images)} photographs and {len(self.names)} names")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def floats(self) -> Tensor:
        """The photographs as float32 in [0, 1], V × 3 × H × W, made anew at each call."""
        return self.images.float() / 255

    def fingerprint(self) -> str:
        """Hash the content (SHA-256, hexadecimal): photographs, mask and true class."""
        digest = hashlib.sha256(json.dumps([list(self.images.shape), self.true_class]).encode())
        digest.update(self.images.contiguous().numpy().data)
        digest.update(self.mask.contiguous().numpy().data)
        return digest.hexdigest()
