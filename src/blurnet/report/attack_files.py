"""What an attack leaves in a folder: sticker, attacked images, loss, contact sheet."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from safetensors.torch import save
from torch import Tensor

from blurnet.data.images import Box
from blurnet.data.scene import Scene
from blurnet.evaluation.attack import NONE, Attacked
from blurnet.files import disk_errors, to_json, write_whole

SCALE, MARGIN, ROW = 3, 4, 26
"""Of the contact sheet: its pictures are so many times larger; pixels around them, and of text."""


def write_attack(
    folder: Path,
    attacked: Attacked,
    scene: Scene,
    placement: str,
    rectangles: Sequence[Box] | None = None,
) -> list[Path]:
    """Write an attack's files.

    Args:
        folder: where to; made if it does not exist.
        attacked: what was found.
        scene: what was attacked.
        placement: how the sticker meets the image, as ``RP2Settings`` has it.
        rectangles: of the scene's mask, if it was found in two stages.

    Returns:
        ``sticker.png`` (the sticker's colours with the mask as alpha; of an added δ, which is no
        colour, (1 + δ)/2), ``mask.png``, ``sticker.safetensors`` (``noise`` and ``mask``),
        ``attacked/*.png``, ``loss.csv``, ``loss.png``, ``contact_sheet.png`` and ``attack.json``.

    Raises:
        BlurnetError: if the disk does not take them.

    """
    with disk_errors(folder):
        (folder / "attacked").mkdir(parents=True, exist_ok=True)
    metadata = {
        "target": attacked.target,
        "source_class": scene.true_class,
        "placement": placement,
    }
    tensors = {"noise": attacked.noise.contiguous(), "mask": scene.mask.contiguous()}
    files = {
        "sticker.safetensors": save(tensors, metadata),
        "attack.json": to_json(
            metadata
            | {
                "rates": attacked.rates,
                "mask": mask_values(scene, rectangles),
                "dead_gradient_share": attacked.dead_gradient_share,
                "views": [
                    {"view": view, "clean": clean, "attacked": answer}
                    for view, clean, answer in zip(
                        scene.names, attacked.clean, attacked.answers, strict=True
                    )
                ],
            }
        ),
        "mask.png": _png(Image.fromarray((scene.mask * 255).round().byte().numpy())),
        "loss.csv": _csv(attacked.loss),
        "loss.png": _loss(attacked.loss),
        "contact_sheet.png": _png(_contact_sheet(attacked, scene)),
    }
    if attacked.noise.dim() == 3:
        files["sticker.png"] = _png(_sticker(attacked.noise, scene.mask, placement))
    for name, image in zip(scene.names, attacked.images, strict=True):
        files[f"attacked/{name}.png"] = _png(_picture(image))
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]


def mask_values(scene: Scene, rectangles: Sequence[Box] | None) -> dict[str, object]:
    """Give how many pixels a scene's mask covers by more than half, their share, and boxes."""
    covered = int((scene.mask > 0.5).sum())
    values: dict[str, object] = {"pixels": covered, "share": covered / scene.mask.numel()}
    return values if rectangles is None else values | {"rectangles": rectangles}


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray((image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def _sticker(noise: Tensor, mask: Tensor, placement: str) -> Image.Image:
    colours = noise if placement == "paste" else (1 + noise) / 2
    return _picture(torch.cat([colours, mask[None]]))


def _contact_sheet(attacked: Attacked, scene: Scene, columns: int = 5) -> Image.Image:
    """Lay out every view, clean and attacked, with what the network takes each for."""
    shown = attacked.images.shape[-2:]
    width = SCALE * (scene.images.shape[-1] + shown[1]) + 3 * MARGIN
    height = SCALE * max(scene.images.shape[-2], shown[0]) + 2 * MARGIN + ROW
    rows = -(-len(scene) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, answer in enumerate(attacked.answers):
        left, top = place % columns * width + MARGIN, place // columns * height + MARGIN
        for image in (scene.floats[place], attacked.images[place]):
            picture = _picture(image)
            size = (SCALE * picture.width, SCALE * picture.height)
            sheet.paste(picture.resize(size, Image.Resampling.NEAREST), (left, top))
            left += size[0] + MARGIN
        held = answer == scene.true_class
        reached = attacked.target not in {NONE} and answer == attacked.target
        colour = "#0b5cad" if held else "#8a2b86" if reached else "#a93a06"
        sign = "held" if held else "target" if reached else "fooled"
        below = (place % columns * width + MARGIN, top + height - ROW - 2 * MARGIN + 2)
        draw.text(below, f"{attacked.clean[place]} > {answer} ({sign})", fill=colour)
    return sheet


def _loss(loss: list[float]) -> bytes:
    figure = Figure(figsize=(5, 3), layout="constrained", dpi=120)
    axes = figure.subplots()
    axes.plot(range(1, len(loss) + 1), loss, color="#0b5cad")
    axes.set(xlabel="step", ylabel="objective", title="RP2's objective before each step")
    axes.grid(color="#d5d9e0")
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _csv(loss: list[float]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "objective"])
    writer.writerows((step, json.dumps(value)) for step, value in enumerate(loss, start=1))
    return text.getvalue().encode()


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()
