"""What ``blurnet attack`` is given, from the words of the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.cli.named_settings import named_settings
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.attacks import View
    from blurnet.data.scene import Scene


def inside(folder: Path | None, name: str) -> Path:
    """Give a file of RP2's folder; an error if there is no such folder."""
    assert folder is not None
    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with lisa_cnn.safetensors, victims/ and "
            "masks/"
        )
    return folder / name


def scene_of(rp2: Path | None, data: str | None, true_class: str, mask: str) -> "Scene":
    """Give RP2's photographs, drawn signs, or the data's test signs."""
    from blurnet.data import synthetic
    from blurnet.data.rp2 import load_scene
    from blurnet.experiments.scenes import held_out_scene
    from blurnet.experiments.sources import DataSource

    if rp2 is not None:
        return load_scene(rp2, mask)
    if mask != "sticker":
        raise BlurnetError(
            f"--mask {mask}: that is a file of --rp2's masks/; without --rp2 take two-stage"
        )
    if data is None or data == "synthetic":
        return synthetic.draw_scene(true_class)
    return held_out_scene(DataSource(data, None), true_class, 40)


def two_stage_of(mask: str) -> dict[str, Any] | None:
    """Read ``two-stage:KEY=VALUE,…``; None if it is the name of a mask."""
    name, given = named_settings("--mask", mask)
    if name != "two-stage":
        return None
    settings = {"outline": "octagon", "count": 4, "area": 0.03}
    unknown = ", ".join(given.keys() - settings.keys())
    if unknown:
        raise BlurnetError(f"--mask two-stage: no {unknown}; there are: {', '.join(settings)}")
    settings |= given
    if type(settings["count"]) is not int or not isinstance(settings["area"], int | float):
        raise BlurnetError(
            f"--mask {mask}: count is a whole number, and area a share of the image in 0…1"
        )
    return settings


def view_of(text: str) -> "View":
    """Make the view of ``--view NAME:KEY=VALUE,…``."""
    from blurnet.attacks import view

    name, settings = named_settings("--view", text)
    return view(name, **settings)
