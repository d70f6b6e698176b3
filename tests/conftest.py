"""Fixtures for all tests."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

# Beside other busy processes, waiting threads that spin make small batches many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The tests share the cores among themselves; and the same number of threads gives the same bits in
# this process and in those that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Children of tests end when they are told to, also where nohup or a background job ignores that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _same_luck_every_time():
    """Draw the same where a test draws from the process's generator."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """Let commands run their steps in this process, where what a test changes holds."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real inputs, where this machine has them."""
    default = Path(__file__).parents[2] / "shared"
    data = Path(os.environ.get("BLURNET_SHARED", default)) / "data"
    if not data.is_dir():
        pytest.skip(f"no real data at {data}; set BLURNET_SHARED to the folder that holds data/")
    return data


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory) -> Path:
    """A small data set in folders: three classes of drawn signs, 18 to train on and 6 to test."""
    from PIL import Image

    from blurnet.data import synthetic

    folder = tmp_path_factory.mktemp("signs")
    drawn = synthetic.draw(("stop", "stopAhead", "yield"), 24, seed=3)
    for place, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        part = "test" if place % 4 == 0 else "train"
        path = folder / part / drawn.classes[label] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    return folder


@pytest.fixture
def artifacts(tmp_path) -> Path:
    """A small folder in RP2's layout: an untrained network, three photographs, any noise."""
    return rp2_folder(tmp_path / "rp2")


def rp2_folder(folder: Path) -> Path:
    """Write what RP2 published, made up."""
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from blurnet.data import RP2_CLASSES
    from blurnet.models import build

    (folder / "victims").mkdir(parents=True)
    (folder / "masks").mkdir()
    generator = torch.Generator().manual_seed(0)
    for name in ("01", "02", "03"):
        pixels = torch.randint(0, 256, (32, 32, 3), generator=generator).to(torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / "victims" / f"{name}.png")
    mask = torch.zeros(32, 32, dtype=torch.uint8)
    mask[10:14, 8:24] = 255
    Image.fromarray(mask.numpy()).save(folder / "masks" / "sticker.png")
    network = build("lisa_cnn", 17, seed=0)
    save_file(
        network.state_dict(),
        folder / "lisa_cnn.safetensors",
        {"labels": json.dumps(RP2_CLASSES)},
    )
    save_file(
        {"noise": torch.rand(3, 32, 32, generator=generator)},
        folder / "sticker_noise.safetensors",
        {"source_class": "stop", "target": "speedLimit45"},
    )
    return folder


@pytest.fixture
def blurnet(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder; give exit status, standard output and error."""
    from blurnet.cli.main import main

    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["blurnet", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    run.folder = folder
    return run


@pytest.fixture(scope="session")
def own(tmp_path_factory) -> Path:
    """A user's ``mynet.py``, trained ``w.safetensors``, ``signs/`` at 64 px, and ``bars.png``."""
    from own_network import train_own, write_own

    folder = write_own(tmp_path_factory.mktemp("own"))
    train_own(folder)
    return folder
