"""The parts of evidence: answers, control, ceiling, attacks, conditions, certificates, checks."""

from typing import Literal

from blurnet.settings import Settings

from ..metrics import Rate
from ..suite import SuiteAttack


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
