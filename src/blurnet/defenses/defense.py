"""A defense: what hardens a network, as one typed description, JSON both ways."""

from typing import Any

from pydantic import field_validator

from blurnet.penalties import Penalty
from blurnet.settings import Settings
from blurnet.training import Harden

from .batches import adversary, augmentation
from .blur import Blur


class Defense(Settings):
    """What is put into a network, and what its training adds; nothing by default.

    Args:
        filters: what is put into the network; see ``Blur``.
        penalties: what is added to its training loss; see ``Penalty``.
        augmentation: what its training images are changed by: ``name``, a key of
            ``AUGMENTATIONS``, and its settings, such as {"name": "occlusion", "share": 0.5}.
        adversarial: what its training images are attacked with: ``name``, a key of ``ADVERSARIES``,
            and its settings, such as {"name": "pgd", "steps": 3}.

    Raises:
        BlurnetError: for an unknown name or setting; the message lists those that there are.

    Examples:
        >>> defense = blurnet.Defense(
        ...     filters=[blurnet.Blur("box", 5)], augmentation={"name": "occlusion", "share": 0.5}
        ... )
        >>> net = blurnet.harden(model, defense)
        >>> blurnet.Defense.model_validate_json(defense.model_dump_json()) == defense
        True

    """

    filters: tuple[Blur, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    augmentation: dict[str, Any] | None = None
    adversarial: dict[str, Any] | None = None

    @field_validator("augmentation")
    @classmethod
    def _known_augmentation(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            augmentation(**given)
        return given

    @field_validator("adversarial")
    @classmethod
    def _known_adversary(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            adversary(**given)
        return given

    @property
    def trained(self) -> bool:
        """Whether the defense only takes effect by training."""
        learned = any(blur.trainable for blur in self.filters)
        return bool(learned or self.penalties or self.augmentation or self.adversarial)

    def __bool__(self) -> bool:
        return bool(self.filters or self.trained)

    def harden(self) -> Harden | None:
        """Make what changes each training batch: augmentation first, then the attack."""
        made = [] if self.augmentation is None else [augmentation(**self.augmentation)]
        made += [] if self.adversarial is None else [adversary(**self.adversarial)]
        if len(made) < 2:
            return made[0] if made else None
        first, second = made
        return lambda model, images, labels, generator: second(
            model, first(model, images, labels, generator), labels, generator
        )
