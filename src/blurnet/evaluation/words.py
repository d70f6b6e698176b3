"""A defense in words, for the heading of its evidence."""

from blurnet.defenses import Blur, Defense
from blurnet.defenses.blur import INPUT


def defense_words(defense: Defense) -> str:
    """Say what hardened a network, such as "box 5×5 after relu1, occlusion"; "" for nothing."""
    said = [_blur(blur) for blur in defense.filters]
    said += [f"{_plain(penalty.name)} {penalty.alpha:g}" for penalty in defense.penalties]
    for batches in (defense.augmentation, defense.adversarial):
        if batches is not None:
            said.append(_plain(str(batches["name"])))
    return ", ".join(said)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _blur(blur: Blur) -> str:
    kernel = "learned" if blur.trainable else blur.kernel
    after = blur.after or "the first convolution"
    where = "on the input" if blur.after == INPUT else f"after {after}"
    return f"{kernel} {blur.size}×{blur.size} {where}"
