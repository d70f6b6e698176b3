"""What an attack leaves in a folder, for images of any channels and size, and masks of each."""

import json

import pytest
import torch
from PIL import Image
from torch import nn

from blurnet import RP2Settings, attack
from blurnet.report.attack_files import AttackedScene, told, write_attack

CLASSES = ("stop", "yield", "give/way")


def scene(channels, size, *, masks=False, targets="all", **settings):
    """Attack an untrained network for two steps."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    images = torch.rand(3, channels, *size)
    mask = torch.zeros(size)
    mask[1:4, 2:5] = 1
    found = attack(
        network,
        images,
        mask.repeat(3, 1, 1) if masks else mask,
        true="stop",
        targets=targets,
        classes=CLASSES,
        settings=RP2Settings(steps=2, **settings),
    )
    return AttackedScene(found, images, ("a", "b", "c"), "network")


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize(("channels", "size"), [(1, (12, 10)), (3, (8, 8)), (4, (8, 8))])
def test_files_of_one_target(tmp_path, channels, size):
    attacked = scene(channels, size, targets="yield")
    written = write_attack(tmp_path, attacked)
    assert all(path.is_file() for path in written)
    names = {path.relative_to(tmp_path).as_posix() for path in written}
    assert {"attack.json", "mask.png", "sticker.png", "loss.csv", "contact_sheet.png"} <= names
    assert opened(tmp_path / "attacked" / "b.png").size == size[::-1]
    assert (tmp_path / "loss.csv").read_text().count("\n") == 3
    stored = json.loads((tmp_path / "attack.json").read_text())
    assert stored == json.loads(told(attacked).model_dump_json())
    assert stored["summary"]["attack_success_rate"]["total"] == 3


def test_targets_have_folders_and_images_have_masks(tmp_path):
    attacked = scene(3, (8, 8), masks=True, placement="paste", scope="per_image")
    write_attack(tmp_path, attacked)
    assert {path.name for path in (tmp_path / "masks").iterdir()} == {"a.png", "b.png", "c.png"}
    for target in ("yield", "give-way"):
        stickers = sorted(path.name for path in (tmp_path / target / "stickers").iterdir())
        assert stickers == ["a.png", "b.png", "c.png"]
        assert opened(tmp_path / target / "stickers" / "a.png").mode in {"RGBA", "LA"}


def test_large_photographs_are_shrunk_in_the_contact_sheet(tmp_path):
    write_attack(tmp_path, scene(3, (240, 320), targets="none"))
    assert opened(tmp_path / "contact_sheet.png").width < 3 * 400
    assert opened(tmp_path / "attacked" / "a.png").size == (320, 240)
    assert told(scene(3, (8, 8), targets="none")).summary.target_reached_rate is None
