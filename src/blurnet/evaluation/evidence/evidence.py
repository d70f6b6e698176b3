"""Evidence: what an evaluation of one network found, with its pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr
from torch import Tensor

from blurnet.engine import Computed
from blurnet.settings import Settings

from ..metrics import Rate
from ..suite import Suite
from .parts import (
    Answered,
    AttackFound,
    AuditCheck,
    Ceiling,
    Certified,
    Condition,
    Control,
    WorstCase,
)

if TYPE_CHECKING:
    import pandas as pd


def _alike(one: Tensor, other: Tensor) -> bool:
    """Say whether two tensors hold the same, NaN where the other has NaN included."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


class Pictures(dict[str, Tensor]):
    """Tensors by name, equal where their content is."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, dict)
            and self.keys() == other.keys()
            and all(_alike(tensor, other[name]) for name, tensor in self.items())
        )


class Evidence(Settings):
    """What an evaluation of one network found.

    ``evidence.tensors`` are the pictures, of at most 40 images S: ``shown`` (int64, S: which of
    the N images), ``clean`` (uint8, S × C × H × W), ``mask`` (float32, H × W or S × H × W) and, for
    the attack at place i of the suite, ``attacked/i`` (uint8, S × C × H × W: at the target with the
    highest success, an image of that very class at its own worst target), ``answers/i`` (int64, S:
    of those very images) and, where it stands in the mask, ``target/i`` (int64, S: -1 if
    untargeted) and ``sticker/i`` (float32, one a label or one an image; ``sticker_of/i``, int64, S,
    says which is whose). And how the attack came to them: ``descent/i/…``, see ``Descent``.

    Args:
        network: what the network is called.
        defense: what hardened it, in words; "" if unknown or nothing.
        classes: what the logits are called.
        labels: each image's class, N.
        names: each image's name, N.
        shape: C, H, W of the images as given.
        mask_pixels: how many pixels of the mask (or the largest, of several) are above 0.5.
        mask_share: their share of the image.
        suite: what was run.
        seed: of all chance.
        computed: with what, when, how long.
        clean: answers without any sticker.
        accuracy: images classified as their label.
        control: random colours.
        ceiling: the sticker's pixels filled in.
        attacks: one by one.
        worst: over all attacks.
        conditions: what was demanded, and whether it holds.
        certificates: what masking certifies, one for each family of stickers.
        audit: checks of the attacks' figures, one by one; empty: none was made.
        weights: a hash of the network's weights, by which an audit knows it again; "" if unknown.

    Examples:
        >>> evidence = blurnet.evaluate(model, images, labels, mask, classes=classes, suite="quick")
        >>> folder = evidence.save("runs/mine")
        >>> blurnet.Evidence.load(folder) == evidence
        True
        >>> print(evidence.table().splitlines()[0])
        network: 6 images, a mask of 96 pixels (9.4 %), suite quick

    """

    network: str
    defense: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    shape: tuple[int, int, int]
    mask_pixels: int
    mask_share: float
    suite: Suite
    seed: int
    computed: Computed
    clean: Answered
    accuracy: Rate
    control: Control
    ceiling: Ceiling
    attacks: tuple[AttackFound, ...]
    worst: WorstCase
    conditions: tuple[Condition, ...]
    certificates: tuple[Certified, ...] = ()
    audit: tuple[AuditCheck, ...] = ()
    weights: str = ""
    _tensors: Pictures = PrivateAttr(default_factory=Pictures)

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return all(condition.passed for condition in self.conditions)

    @property
    def certified(self) -> Rate | None:
        """The certified accuracy of ``masked``, if there is one: of no bare network."""
        return None if self.masked is None else self.masked.rate

    @property
    def masked(self) -> Certified | None:
        """The certificate with the highest rate, of those of every sticker of the mask."""
        covering = [each for each in self.certificates if each.covers_mask]
        return max(covering, key=lambda each: each.rate.value, default=None)

    def struck(self, attack: str) -> tuple[AuditCheck, ...]:
        """Give the failed checks that strike an attack's figure through."""
        return tuple(
            each for each in self.audit if each.verdict == "failed" and attack in each.strikes
        )

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The pictures; see above. Empty where they were not kept."""
        return self._tensors

    def with_tensors(self, tensors: dict[str, Tensor]) -> Self:
        """Give the same evidence with these pictures."""
        other = self.model_copy()
        other._tensors = Pictures(tensors)
        return other

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> str:
        """Write everything but the pictures as JSON."""
        return self.model_dump_json(indent=1) + "\n"

    def table(self) -> str:
        """Say it in lines of plain text, for a terminal or a notebook."""
        from ..table import table_of  # noqa: PLC0415 - it reads this class

        return table_of(self)

    def frame(self) -> "pd.DataFrame":
        """Lay out the figures as a table of pandas: a line for each measured number.

        Columns: ``network``, ``suite``, ``seed``, then, each missing where it does not apply,
        ``fill``, ``attack``, ``target`` (missing: over all targets), ``family``; then ``measure``,
        ``value``, ``low``, ``high``, ``count`` and ``total``.

        Raises:
            BlurnetError: if pandas is not installed.

        """
        from ..frames import frame  # noqa: PLC0415 - it reads this class

        return frame(self)

    def save(self, path: str | Path) -> Path:
        """Write the page, or everything.

        Args:
            path: a file that ends in .html, which gets the page; one that ends in .json, which gets
                the figures; or a folder, which gets ``evidence.json``, ``tensors.safetensors`` and
                the page as ``report.html``.

        Returns:
            What was written.

        Raises:
            BlurnetError: if it cannot be written.

        """
        from ..saving import save  # noqa: PLC0415 - it reads this class

        return save(self, Path(path))

    @classmethod
    def load(cls, folder: str | Path) -> "Evidence":
        """Read what ``save`` wrote into a folder.

        Raises:
            BlurnetError: if there is none, or it is broken.

        """
        from ..saving import load  # noqa: PLC0415 - it reads this class

        return load(Path(folder))
