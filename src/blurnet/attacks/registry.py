"""The attacks that make an opaque sticker for each image, by name: one line each."""

from dataclasses import dataclass

from blurnet.attacks.apgd import APGDSettings, apgd
from blurnet.attacks.patch_rs import PatchRSSettings, patch_rs
from blurnet.attacks.placed import PlacedSettings, placed_apgd
from blurnet.attacks.random_search import RandomSearchSettings, random_search
from blurnet.attacks.sticker import StickerAttack, StickerSettings


@dataclass(frozen=True)
class Registered:
    """An attack and the type of its settings.

    Args:
        run: the attack.
        settings: how it searches; all have defaults.

    """

    run: StickerAttack
    settings: type[StickerSettings]


STICKER_ATTACKS = {
    "random_search": Registered(random_search, RandomSearchSettings),
    "patch_rs": Registered(patch_rs, PatchRSSettings),
    "apgd": Registered(apgd, APGDSettings),
    "placed_apgd": Registered(placed_apgd, PlacedSettings),
}
"""By the name that ``blurnet.evaluation.SuiteAttack`` calls their settings by."""
