"""What an attack leaves in a folder: stickers, attacked images, losses, contact sheets, figures."""

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from blurnet.data.images import Box
from blurnet.data.tensors import to_safetensors
from blurnet.evaluation import Attacked, AttackSummary, summary_of
from blurnet.files import disk_errors, write_whole
from blurnet.report.figures.images import picture, png
from blurnet.settings import Settings

SCALE, MARGIN, ROW = 3, 4, 26
"""Of the contact sheet: its pictures are so many times larger; pixels around them, and of text."""

SHEET = 160
"""Larger pictures are shrunk to so many pixels in the contact sheet, smaller ones enlarged."""


@dataclass(frozen=True, eq=False)
class AttackedScene:
    """An attack and what it was made on.

    Args:
        found: what it found.
        images: the photographs, float32 in [0, 1], V × C × H × W.
        names: theirs.
        network: what the network is called.
        rectangles: of the mask, if it was found in two stages.

    """

    found: Attacked
    images: Tensor
    names: tuple[str, ...]
    network: str
    rectangles: tuple[Box, ...] | None = None

    def target(self, place: int) -> str:
        """Name the target at ``place``; "none" if the attack was untargeted."""
        aim = self.found.aims[place]
        return "none" if aim is None else self.found.classes[aim]

    def named(self, answers: Tensor) -> list[str]:
        """Name answers, int64, N."""
        return [self.found.classes[answer] for answer in answers.tolist()]


class ViewTold(Settings):
    """A photograph's answers: its class, and those without and with the sticker."""

    name: str
    true: str
    clean: str
    attacked: tuple[str, ...]


class AttackTold(Settings):
    """What ``attack.json`` holds.

    Args:
        network: what was attacked.
        summary: the figures.
        rectangles: of the mask, if it was found in two stages: left, top, right and bottom.
        views: the photographs' answers, with the sticker one for each of the summary's targets.

    """

    network: str
    summary: AttackSummary
    rectangles: tuple[Box, ...] | None
    views: tuple[ViewTold, ...]


def told(scene: AttackedScene) -> AttackTold:
    """Give what ``attack.json`` holds."""
    found = scene.found
    true, clean = scene.named(found.true), scene.named(found.clean.classes)
    attacked = [scene.named(row) for row in found.answers]
    return AttackTold(
        network=scene.network,
        summary=summary_of(found),
        rectangles=scene.rectangles,
        views=tuple(
            ViewTold(
                name=name,
                true=true[at],
                clean=clean[at],
                attacked=tuple(answers[at] for answers in attacked),
            )
            for at, name in enumerate(scene.names)
        ),
    )


def write_attack(folder: Path, scene: AttackedScene) -> list[Path]:
    """Write an attack's files.

    Args:
        folder: where to; made if it does not exist. Of several targets each has a folder of its
            own there.
        scene: the attack.

    Returns:
        ``attack.json``, ``mask.png`` (or ``masks/*.png``) and for each target ``sticker.png`` (the
        sticker's colours with the mask as alpha; of an added δ, which is no colour, (1 + δ)/2; or
        ``stickers/*.png`` with one for each image), ``sticker.safetensors`` (``noise`` and
        ``mask``), ``attacked/*.png``, ``loss.csv``, ``loss.png`` and ``contact_sheet.png``.

    Raises:
        BlurnetError: if the disk does not take them.

    """
    mask, written = scene.found.mask, []
    files = {"attack.json": (told(scene).model_dump_json(indent=1) + "\n").encode()}
    if mask.dim() == 2:
        files["mask.png"] = png(picture(mask))
    else:
        names = zip(scene.names, mask, strict=True)
        files |= {f"masks/{file_name(name)}.png": png(picture(each)) for name, each in names}
    for place in range(len(scene.found.aims)):
        its_own = "" if len(scene.found.aims) == 1 else f"{file_name(scene.target(place))}/"
        files |= {f"{its_own}{name}": content for name, content in _target(scene, place).items()}
    with disk_errors(folder):
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(folder / name, content)
        written.append(folder / name)
    return written


def file_name(name: str) -> str:
    """Give what a photograph or class is called as a file."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "image"


def sticker_picture(noise: Tensor, mask: Tensor, *, added: bool) -> Image.Image:
    """Draw a sticker with its mask as alpha.

    Args:
        noise: C × H × W.
        mask: H × W.
        added: whether it is a perturbation, which is no colour and drawn as (1 + δ)/2.

    """
    drawn = picture((1 + noise) / 2 if added else noise)
    drawn.putalpha(Image.fromarray((mask * 255).round().byte().numpy()))
    return drawn


def _target(scene: AttackedScene, place: int) -> dict[str, bytes]:
    """Give the files of one target."""
    found = scene.found
    noise, attacked = found.noise[place], found.attacked(place)
    placement, loss = found.settings.placement, found.loss[place].tolist()
    true = set(found.true.tolist())
    metadata = {
        "target": scene.target(place),
        "source_class": found.classes[true.pop()] if len(true) == 1 else "several",
        "placement": placement,
    }
    tensors = {"noise": noise.contiguous(), "mask": found.mask.contiguous()}
    files = {
        "sticker.safetensors": to_safetensors(tensors, metadata),
        "loss.csv": _csv(loss),
        "loss.png": _loss(loss),
        "contact_sheet.png": png(_contact_sheet(scene, place, attacked)),
    }
    added = placement != "paste"
    if noise.dim() == 3 and found.mask.dim() == 2:
        files["sticker.png"] = png(sticker_picture(noise, found.mask, added=added))
    else:
        for at, name in enumerate(scene.names):
            its_noise = noise if noise.dim() == 3 else noise[at]
            its_mask = found.mask if found.mask.dim() == 2 else found.mask[at]
            drawn = sticker_picture(its_noise, its_mask, added=added)
            files[f"stickers/{file_name(name)}.png"] = png(drawn)
    for name, image in zip(scene.names, attacked, strict=True):
        files[f"attacked/{file_name(name)}.png"] = png(picture(image))
    return files


def _contact_sheet(
    scene: AttackedScene, place: int, attacked: Tensor, columns: int = 5
) -> Image.Image:
    """Lay out every view, clean and attacked, with what the network takes each for."""
    found, target = scene.found, scene.target(place)
    true, clean = scene.named(found.true), scene.named(found.clean.classes)
    answers = scene.named(found.answers[place])
    width = _shown(scene.images[0])[0] + _shown(attacked[0])[0] + 3 * MARGIN
    height = max(_shown(scene.images[0])[1], _shown(attacked[0])[1]) + 2 * MARGIN + ROW
    rows = -(-len(answers) // columns)
    sheet = Image.new("RGB", (min(columns, len(answers)) * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for at, answer in enumerate(answers):
        left, top = at % columns * width + MARGIN, at // columns * height + MARGIN
        for image in (scene.images[at], attacked[at]):
            size = _shown(image)
            how = Image.Resampling.BOX if size[0] < image.shape[-1] else Image.Resampling.NEAREST
            sheet.paste(picture(image).convert("RGB").resize(size, how), (left, top))
            left += size[0] + MARGIN
        held, reached = answer == true[at], answer == target
        colour = "#0b5cad" if held else "#8a2b86" if reached else "#a93a06"
        sign = "held" if held else "target" if reached else "fooled"
        below = (at % columns * width + MARGIN, top + height - ROW - 2 * MARGIN + 2)
        draw.text(below, f"{clean[at]} > {answer} ({sign})", fill=colour)
    return sheet


def _shown(image: Tensor) -> tuple[int, int]:
    """Give width and height of an image in the contact sheet."""
    height, width = image.shape[-2:]
    scale = SCALE if max(height, width) <= SHEET // SCALE else SHEET / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


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
