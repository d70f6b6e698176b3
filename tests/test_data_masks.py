"""Masks: one file, or one a photograph; resized by a stated rule, never black."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from blurnet.data import Scene, read_masks
from blurnet.errors import BlurnetError


def draw(
    path: Path, size: tuple[int, int], box: tuple[int, int, int, int], grey: int = 255
) -> Path:
    """Draw a mask of one rectangle: left, top, right, bottom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", size)
    picture.paste(grey, box)
    picture.save(path)
    return path


def test_a_mask_of_the_images_size_keeps_its_greys(tmp_path: Path) -> None:
    mask, resized = read_masks(draw(tmp_path / "m.png", (6, 4), (1, 1, 3, 2), 51), (), (4, 6))
    assert resized is None
    assert mask.shape == (4, 6)
    assert mask[1, 1:3].tolist() == pytest.approx([0.2, 0.2])
    assert int(mask.count_nonzero()) == 2


def test_another_size_is_one_where_half_of_a_pixel_is_covered(tmp_path: Path) -> None:
    path = draw(tmp_path / "m.png", (12, 8), (2, 2, 7, 3))
    mask, resized = read_masks(path, (), (4, 6))
    assert resized == (8, 12)
    assert mask.nonzero().tolist() == [[1, 1], [1, 2]], "half is enough, a quarter is not"
    assert set(mask.unique().tolist()) == {0, 1}
    with pytest.raises(BlurnetError, match=r"nothing is left of the mask .* 12 × 8 to .* 2 × 2"):
        read_masks(path, (), (2, 2))


def test_one_for_each_photograph_by_its_name(tmp_path: Path) -> None:
    for place, name in enumerate(("stop/1", "yield/1", "2")):
        draw(tmp_path / f"{name}.png", (4, 4), (place, 0, place + 1, 4))
    mask, _ = read_masks(tmp_path, ("yield/1", "stop/2", "stop/1"), (4, 4))
    assert mask.shape == (3, 4, 4)
    assert mask[:, 0].argmax(1).tolist() == [1, 2, 0]
    with pytest.raises(BlurnetError, match="no mask for stop/3, stop/4, stop/5 and 1 more"):
        read_masks(tmp_path, [*[f"stop/{place}" for place in range(3, 7)], "2"], (4, 4))


def test_black_and_coloured_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match=r"m\.png: the mask is black"):
        read_masks(draw(tmp_path / "m.png", (4, 4), (0, 0, 4, 4), 0), (), (4, 4))
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "red.png")
    with pytest.raises(BlurnetError, match="a grey picture, and this one has colours"):
        read_masks(tmp_path / "red.png", (), (4, 4))
    with pytest.raises(BlurnetError, match="no such file"):
        read_masks(tmp_path / "none.png", (), (4, 4))


def test_a_scene_takes_a_mask_for_each_photograph_and_labels() -> None:
    images, masks = torch.zeros(2, 1, 4, 6).byte(), torch.ones(2, 4, 6)
    scene = Scene(images, masks, "signs", ("a", "b"), ("stop", "yield"))
    other = Scene(images, masks, "signs", ("a", "b"), ("stop", "stop"))
    assert scene.fingerprint() != other.fingerprint()
    for mask, message in (
        (torch.ones(3, 4, 6), "3 masks for 2 images; give one mask, or one for each"),
        (torch.ones(6, 4), "the mask is 6 × 4 and the photographs are 4 × 6"),
        (torch.stack([torch.ones(4, 6), torch.zeros(4, 6)]), "the mask of image 1 .* is black"),
        (torch.zeros(4, 6), "some are above 0"),
    ):
        with pytest.raises(BlurnetError, match=message):
            Scene(images, mask, "stop", ("a", "b"))
    with pytest.raises(BlurnetError, match="2 photographs and 1 labels"):
        Scene(images, masks, "signs", ("a", "b"), ("stop",))
