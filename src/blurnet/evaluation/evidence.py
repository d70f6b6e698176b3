"""Evidence: what an evaluation found, typed; the only schema that its page and tables read."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import PrivateAttr
from torch import Tensor

from blurnet.engine import Computed
from blurnet.settings import Settings

from .metrics import Rate
from .suite import Suite, SuiteAttack

if TYPE_CHECKING:
    import pandas as pd


class Answered(Settings):
    """The class each image got, and the softmax probability it got it with; N each."""

    classes: tuple[int, ...]
    confidence: tuple[float, ...]


CONTROL = "a sticker nobody searched for"
"""What fooled an image that no attack did."""


class PlainSticker(Settings):
    """An opaque sticker of one colour: "white" or "black", the answers under it, N, its success."""

    name: str
    answers: tuple[int, ...]
    success: Rate


class Control(Settings):
    """Opaque stickers in the same mask that nobody searched for: what they do is no attack's.

    The mean over ten is what covering does; plain white or black alone can do far more, and needs
    no attacker either.

    Args:
        answers: stickers × images, of random colours.
        success: images not classified as their label, the mean over stickers of random colours.
        plain: plain stickers; empty where none was tried.
        strongest: of the sticker that most images are not classified under, random or plain; its
            interval knows that it is a maximum. None where plain ones were not tried.
        strongest_by: that sticker: "white", "black", or "random 3".
        any_sticker: images that some of the stickers, random or plain, are enough for.

    """

    answers: tuple[tuple[int, ...], ...]
    success: Rate
    plain: tuple[PlainSticker, ...] = ()
    strongest: Rate | None = None
    strongest_by: str = ""
    any_sticker: Rate | None = None


class Fill(Settings):
    """The network's answers where the sticker's pixels are "grey", the "mean", or "inpainted"."""

    name: str
    answers: tuple[int, ...]
    accuracy: Rate


class Ceiling(Settings):
    """What a defender who is told the place could get: the best of the fills.

    Success above 1 − ``accuracy`` is what an attack adds to covering.
    """

    fills: tuple[Fill, ...]
    best: str
    accuracy: Rate


class TargetFound(Settings):
    """What an attack found at one target.

    Args:
        target: the class aimed at; None if the attack was untargeted.
        answers: of the attacked images, N. An image whose label is the target is not attacked: its
            answer is the clean one, and no rate here counts it.
        success: attacked images not classified as their label.
        reached: attacked images classified as the target; None if untargeted.
        l2_dissimilarity: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂.
        dead_gradient_share: see ``blurnet.attacks.dead_gradient_share``; None without a gradient.
        loss_first: the objective before the first step, the mean over labels where each had an
            attack of its own; None if unknown. Of attacks that make a sticker for each image by
            margins: the margin at the first query.
        loss_last: before the last; the best margin.

    """

    target: int | None
    answers: tuple[int, ...]
    success: Rate
    reached: Rate | None
    l2_dissimilarity: float | None
    dead_gradient_share: float | None
    loss_first: float | None
    loss_last: float | None


class AttackFound(Settings):
    """What one attack of the suite found.

    Args:
        attack: what was run.
        targets: a result for each target; one, if untargeted.
        success: the mean over targets.
        worst: of the target with the highest success.
        any_target: images that some target's sticker fools.
        published: whether the settings are RP2's published ones.
        seconds: how long it took.
        queries: how often the network was asked about an image, the mean; None of RP2.
        gradients: how many of these gave a gradient too, likewise.

    """

    attack: SuiteAttack
    targets: tuple[TargetFound, ...]
    success: Rate
    worst: Rate
    any_target: Rate
    published: bool
    seconds: float
    queries: float | None = None
    gradients: float | None = None


class WorstCase(Settings):
    """Over all attacks, targets and restarts, and the stickers of the control.

    An image is fooled if any of them fools it.

    Args:
        success: fooled images; an image that is wrong without a sticker counts as fooled.
        accuracy: 1 − success: the upper end of the bracket.
        by: for each image the name of the first attack that fooled it; "clean" if it was wrong
            before; ``CONTROL`` if only a sticker of the control did; None if nothing fooled it.

    """

    success: Rate
    accuracy: Rate
    by: tuple[str | None, ...]


class Condition(Settings):
    """One thing that an evaluation demands.

    Args:
        name: short, such as "well-posed".
        passed: whether it holds.
        sentence: what was measured and what was demanded, in plain words with the numbers, and if
            it failed what to do next.

    """

    name: str
    passed: bool
    sentence: str


class Certified(Settings):
    """What double masking certifies against one family of stickers.

    The certificate is of the network with masking in front (``blurnet.masked``), which answers
    rightly whatever sticker of the family is put on: certified ≤ true ≤ attacked holds for it, and
    not for the bare network.

    Args:
        family: short, such as "any 5×5".
        describes: one plain sentence: which stickers.
        covers_mask: whether the family has every sticker of the evaluated mask.
        masks: how many masks cover the family.
        answers: of the masked network without a sticker, N.
        accuracy: images that it classifies as their label.
        certified: whether no sticker of the family changes an image's right answer, N.
        rate: certified images, over all: the certified accuracy.
        attacked: images that it still classifies rightly under every sticker of the family that
            an attack of the suite made, and under an attack on the masked network itself; None if
            none of them is of the family.
        tried: how many stickers of the family were tried on the masked network.
        broken: certified images that an attack changed: always 0, or the certificate is wrong.
        seconds: how long the certificate took.
        attack_seconds: how long it took to try to break it.

    """

    family: str
    describes: str
    covers_mask: bool
    masks: int
    answers: tuple[int, ...]
    accuracy: Rate
    certified: tuple[bool, ...]
    rate: Rate
    attacked: Rate | None
    tried: int
    broken: int
    seconds: float
    attack_seconds: float


class AuditCheck(Settings):
    """One check of whether the attacks' figures can be trusted.

    Args:
        name: of the check, as ``CHECKS`` has it.
        verdict: "void": it was run and could not tell, or does not apply; the sentence says why.
        value: what was measured; None if nothing was.
        threshold: what it is compared with; None if there is none.
        sentence: what was measured and demanded, in plain words with the numbers, and if it failed
            what to do next.
        strikes: names of the suite's attacks whose figures it strikes through.
        stronger: what would attack harder, such as the name of another attack; "" if not known.

    """

    name: str
    verdict: Literal["passed", "failed", "void"]
    value: float | None
    threshold: float | None
    sentence: str
    strikes: tuple[str, ...] = ()
    stronger: str = ""


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
    of those very images) and, of RP2, ``target/i`` (int64, S: -1 if untargeted) and ``sticker/i``
    (float32, one a label or one an image; ``sticker_of/i``, int64, S, says which is whose). And how
    RP2 came to them: ``descent/i/…``, see ``Descent``.

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
        from .table import table_of  # noqa: PLC0415 - it reads this class

        return table_of(self)

    def frame(self) -> "pd.DataFrame":
        """Lay out the figures as a table of pandas: a line for each measured number.

        Columns: ``network``, ``suite``, ``seed``, then, each missing where it does not apply,
        ``fill``, ``attack``, ``target`` (missing: over all targets), ``family``; then ``measure``,
        ``value``, ``low``, ``high``, ``count`` and ``total``.

        Raises:
            BlurnetError: if pandas is not installed.

        """
        from .frames import frame  # noqa: PLC0415 - it reads this class

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
        from .saving import save  # noqa: PLC0415 - it reads this class

        return save(self, Path(path))

    @classmethod
    def load(cls, folder: str | Path) -> "Evidence":
        """Read what ``save`` wrote into a folder.

        Raises:
            BlurnetError: if there is none, or it is broken.

        """
        from .saving import load  # noqa: PLC0415 - it reads this class

        return load(Path(folder))
