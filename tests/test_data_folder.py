from pathlib import Path

import pytest
import torch
from PIL import Image

from blurnet.data.folder import read
from blurnet.errors import BlurnetError


def paint(path: Path, value: int, size: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, value, value)).save(path)


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    paint(tmp_path / "train/stop/10.png", 3)
    paint(tmp_path / "train/stop/2.PNG", 2)
    paint(tmp_path / "train/stop/1.ppm", 1, size=9)
    paint(tmp_path / "train/merge/a.bmp", 4)
    paint(tmp_path / "test/stop/1.png", 5)
    (tmp_path / "train/stop/Thumbs.db").write_bytes(b"no picture")
    (tmp_path / "train/stop/.hidden.png").write_bytes(b"no picture")
    (tmp_path / "train/.git").mkdir()
    (tmp_path / "train/README.txt").touch()
    return tmp_path


def test_classes_are_sorted_and_files_in_natural_order(signs: Path) -> None:
    (train, test), problems, _ = read(signs, (4, 4))
    assert not problems
    assert train.classes == test.classes == ("merge", "stop")
    assert train.images[:, 0, 0, 0].tolist() == [4, 1, 2, 3]
    assert train.labels.tolist() == [0, 1, 1, 1]
    assert train.images.shape == (4, 3, 4, 4)
    assert train.tracks is None
    assert test.counts() == {"merge": 0, "stop": 1}


def test_every_unreadable_file_is_a_problem_and_the_others_are_read(signs: Path) -> None:
    (signs / "train/stop/3.png").write_text("<html>")
    (signs / "test/stop/0.jpg").touch()
    (signs / "test/yield").mkdir()
    (train, test), problems, _ = read(signs, (4, 4))
    assert train.images[:, 0, 0, 0].tolist() == [4, 1, 2, 3]
    assert test.labels.tolist() == [1]
    assert {problem.path for problem in problems} == {
        signs / "train/stop/3.png",
        signs / "test/stop/0.jpg",
        signs / "test/yield",
    }
    for problem in problems:
        assert problem.line is None
        assert str(problem).count(str(problem.path)) == 1


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match="nowhere: no such folder"):
        read(tmp_path / "nowhere", (4, 4))
    with pytest.raises(BlurnetError, match="no folder 'train', found no folders"):
        read(tmp_path, (4, 4))
    paint(tmp_path / "train/stop/1.png", 1)
    with pytest.raises(BlurnetError, match="no folder 'test', found train"):
        read(tmp_path, (4, 4))
    (tmp_path / "test").mkdir()
    with pytest.raises(BlurnetError, match="test: no class folders"):
        read(tmp_path, (4, 4))


def test_large_pictures_come_in_the_same_order(tmp_path: Path) -> None:
    for place in range(12):
        noise = torch.randint(0, 256, (300, 300, 3), dtype=torch.uint8)
        noise[:] = noise if place == 0 else noise // 128 + 20 * place
        path = tmp_path / f"train/a/{place}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.numpy()).save(path)
    paint(tmp_path / "test/a/1.png", 1)
    (train, _), _, _ = read(tmp_path, (300, 300))
    assert (train.images.flatten(1).float().mean(1)[1:].diff() > 10).all()


def test_the_real_crops_are_read_whole(shared_data: Path) -> None:
    (train, test), problems, _ = read(shared_data / "lisa", (32, 32))
    assert not problems
    assert len(train) + len(test) == 6621
    assert len(train.classes) == 47
    assert train.images.shape[1:] == (3, 32, 32)
    assert train.counts()["stop"] == 1224
