"""What hardening a network did: where its filters stand, and what that cost in clean accuracy."""

from typing import Any

from blurnet.defenses import Defense
from blurnet.engine import Computed
from blurnet.settings import Settings

from .metrics import Rate


class Remembered(Settings):
    """What a network was hardened on, so that it can be evaluated on the same.

    Args:
        model: how the network is built; None if it was read from a file.
        data: the data set's specification; None if there was none.
        mask: where a sticker may be, if that was said.
        size: what photographs are resized to; None for as they are.
        channels: 3 for RGB, 1 for grey.

    """

    model: str | None = None
    data: str | None = None
    mask: str | None = None
    size: int | None = None
    channels: int = 3


class Hardened(Settings):
    """What ``blurnet harden`` did; its ``hardened.json``.

    Args:
        network: what the network is called.
        defense: what hardened it, every place filled in.
        classes: what its outputs are called.
        remembered: what it was hardened on.
        weights: whether weights were given; without, those of before are the callable's own.
        epochs: how many it was trained for; 0 if it was not trained.
        trained_on: how many images; 0 if it was not trained.
        losses: of the epochs.
        before: clean accuracy before, on held-out images; None if there were none.
        after: and after.
        seed: of all chance.
        computed: with what, when, how long.

    """

    network: str
    defense: Defense
    classes: tuple[str, ...]
    remembered: Remembered
    weights: bool
    epochs: int
    trained_on: int
    losses: tuple[float, ...]
    before: Rate | None
    after: Rate | None
    seed: int
    computed: Computed

    def settings(self) -> dict[str, Any]:
        """Give what was asked, as JSON has it."""
        asked = {"network", "defense", "remembered", "epochs", "seed"}
        return self.model_dump(mode="json", include=asked)
