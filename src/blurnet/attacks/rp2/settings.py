"""How RP2 searches."""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from blurnet.attacks.fast.attacked_network import Precision
from blurnet.attacks.rp2.objective import Goal, Loss
from blurnet.attacks.rp2.placement import Placement
from blurnet.engine.step import NOT_IN_KEY
from blurnet.errors import BlurnetError
from blurnet.penalties import Penalty

Scope = Literal["universal", "per_image"]
Keep = Literal["last", "closest"]


@dataclass(frozen=True)
class RP2Settings:
    """How RP2 searches; the defaults are those of its published LISA run.

    Args:
        steps: steps of Adam, at least 1.
        lam: λ, the weight of the perturbation's norm, at least 0.
        p: which norm, taken over all colours and pixels: 1, 2 or infinity.
        lr: Adam's step size, in units of image values (0 to 1); of the logit of the sticker's
            colours where it is pasted.
        betas: Adam's decay rates of the first and second moment.
        eps: Adam's ε.
        start: the sticker at the start: "uniform" in [0, 1], as published, or "zeros", which is
            grey (0.5) where it is pasted.
        clip: whether an image that something was added to is clipped to [0, 1].
        piece: how many images go through the network at once; changes no result beyond float
            rounding. None for what is fastest and takes no more memory than
            ``blurnet.models.memory.BUDGET``.
        placement: how the sticker meets the image. "add": x + M·δ, the formula; a value that is
            clipped has no gradient. "add_straight_through": the same image, with the gradient that
            it would have unclipped. "paste": x(1 − M) + M·s, an opaque sticker s in [0, 1], the
            sigmoid of what Adam moves; its norm is that of M·(s − x̄), x̄ the mean photograph
            ("per_image": the photograph itself).
        loss: J, see ``blurnet.attacks.rp2.objective``: "cross_entropy", "margin" or "logit".
        goal: "targeted": be taken for the target. "untargeted": not for the true class, which is
            then given as the target; J is turned round.
        scope: "universal": one sticker for all views, the formula. "per_image": one for each.
            Under a mask for each view, the norm of a universal sticker is that of all pixels that
            some view shows.
        keep: which of its stickers a run ends with. "last": that of the last step, as published.
            "closest": of all that it met the one that reaches most views and, among equals, changes
            them least (L2 dissimilarity), as an attack of least norm would; it is often an early
            and less confident one. The last all the same where no step reached a view, where the
            last reaches more in float32, and where transforms are redrawn at each step.
        restarts: runs from starts of their own, of which the best is kept, for each target (and,
            "per_image", each image): most views reached first, then the least objective, or with
            "closest" the least change.
        draws: how many draws of the transforms each step averages, at least 1; where
            nothing is redrawn it makes no difference.
        stop_when_done: leave a target alone when all its views have been reached for 25 steps, and
            are with the last sticker, in float32; its later losses are not a number.
        printability: weight of the non-printability score, at least 0; needs the colours.
        precision: of the gradients: "float32", "bfloat16", or "auto", which is bfloat16 where the
            processor multiplies it natively: tested to reach what float32 does, on every network of
            ``blurnet.models``. Convolutions and linear layers alone are cast. What is returned is
            judged and made in float32.
        penalties: of maps, such as those of the defense that is attacked: Σ α · term of the
            attacked images' maps is added to the loss. The network is then run plainly, in float32.
        frequencies: the sticker's lowest frequencies alone, so many along each axis, by a discrete
            cosine transform of it (pasted: of the logit of its colours), before the mask; None for
            all.

    Examples:
        >>> published = blurnet.RP2Settings()
        >>> stronger = blurnet.RP2Settings(
        ...     steps=200, lam=0, placement="paste", loss="margin", scope="per_image", restarts=2
        ... )

    """

    steps: int = 300
    lam: float = 0.02
    p: float = 2
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    start: Literal["uniform", "zeros"] = "uniform"
    clip: bool = True
    piece: int | None = field(default=None, metadata=NOT_IN_KEY)
    placement: Placement = "add"
    loss: Loss = "cross_entropy"
    goal: Goal = "targeted"
    scope: Scope = "universal"
    keep: Keep = "last"
    restarts: int = 1
    draws: int = 1
    stop_when_done: bool = False
    printability: float = 0
    precision: Precision = "float32"
    penalties: tuple[Penalty, ...] = ()
    frequencies: int | None = None

    @property
    def published(self) -> bool:
        """Whether this is RP2's published attack: 300 steps or more, and all else as published.

        How the gradients are computed, ``piece`` and ``precision``, is no part of the attack.
        """
        plain = RP2Settings()
        alike = replace(plain, steps=self.steps, piece=self.piece, precision=self.precision)
        return self == alike and self.steps >= plain.steps

    def __post_init__(self) -> None:
        choices = {
            "start": ("uniform", "zeros"),
            "placement": get_args(Placement),
            "loss": get_args(Loss),
            "goal": get_args(Goal),
            "scope": get_args(Scope),
            "keep": get_args(Keep),
            "precision": get_args(Precision),
        }
        wrong = [
            text
            for bad, text in (
                (self.steps < 1, f"steps is at least 1, not {self.steps}"),
                (not self.lam >= 0, f"lam is at least 0, not {self.lam}"),
                (self.p not in (1, 2, float("inf")), f"p is 1, 2 or inf, not {self.p}"),
                (not self.lr > 0, f"lr is above 0, not {self.lr}"),
                (
                    self.piece is not None and self.piece < 1,
                    f"piece is at least 1, not {self.piece}",
                ),
                (self.restarts < 1, f"restarts is at least 1, not {self.restarts}"),
                (
                    self.restarts > 1 and self.start == "zeros",
                    'restarts from zeros are all alike: take start "uniform"',
                ),
                (self.draws < 1, f"draws is at least 1, not {self.draws}"),
                (
                    not self.printability >= 0,
                    f"printability is at least 0, not {self.printability}",
                ),
                (
                    self.placement == "add_straight_through" and not self.clip,
                    "add_straight_through clips: take add, or leave clip on",
                ),
                (
                    self.frequencies is not None and self.frequencies < 1,
                    f"frequencies is at least 1, not {self.frequencies}",
                ),
                (
                    any(penalty.kind.of != "maps" for penalty in self.penalties),
                    "penalties are of maps: those of kernels do not depend on the image",
                ),
            )
            if bad
        ]
        for name, known in choices.items():
            if getattr(self, name) not in known:
                wrong.append(f"no {name} {getattr(self, name)!r}: {', '.join(known)}")
        if wrong:
            raise BlurnetError(f"RP2 settings: {'; '.join(wrong)}")
