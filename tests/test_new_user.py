"""A new user's transcript: their network, their images, their mask, five commands, from a shell."""

import os
import re
import subprocess
import sys
import time

import pytest
from own_network import train_own, write_own

import blurnet

CODE = "from blurnet.cli.main import main; main()"

COMMANDS = """
blurnet inspect mynet.py:build --size 64
blurnet evaluate --model mynet.py:build --weights w.safetensors --data folder:signs --mask bars.png --out runs/mine
blurnet harden --model mynet.py:build --weights w.safetensors --data folder:signs --blur box:5 --occlusion --mask bars.png --out runs/hard
blurnet evaluate runs/hard --out runs/hard-evidence
blurnet report runs/mine runs/hard-evidence
"""  # noqa: E501 - as they are typed

QUICK = {"evaluate": ["--suite", "quick", "--images", "9"], "harden": ["--epochs", "3"]}
"""What the short version adds, so that it takes seconds."""


@pytest.fixture
def folder(tmp_path):
    write_own(tmp_path / "fresh")
    train_own(tmp_path / "fresh")
    return tmp_path / "fresh"


def run(folder, *, quick):
    """Give what each command says, a process of its own each, as a shell runs them."""
    said = {}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "100"}
    for line in COMMANDS.strip().splitlines():
        _, *arguments = line.split()
        more = QUICK.get(arguments[0], []) if quick else []
        finished = subprocess.run(
            [sys.executable, "-c", CODE, *arguments, *more],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        allowed = {0, 1} if arguments[0] == "evaluate" else {0}
        assert finished.returncode in allowed, (line, finished.stdout, finished.stderr)
        assert "Traceback" not in finished.stderr
        said[line] = finished.stdout + finished.stderr
    return list(said.values())


def check(folder, said):
    inspected, mine, hardened, hard, reported = said
    assert "conv1" in inspected
    assert "32 × 32" in inspected
    assert "worst case over attacks" in mine
    assert "runs/mine/report.html" in mine
    assert "after conv1" in hardened, "where the blur went"
    assert "held-out images are classified rightly; before it was" in hardened
    assert "as runs/hard was hardened: data folder:signs, mask bars.png" in hard
    assert "runs/comparison/report.html" in reported
    before, after = (blurnet.Evidence.load(folder / f"runs/{n}") for n in ("mine", "hard-evidence"))
    assert before.names == after.names
    assert before.accuracy.value > 0.8
    assert before.defense == ""
    assert "box 5×5" in after.defense
    assert "occlusion" in after.defense
    page = (folder / "runs/comparison/report.html").read_text()
    assert re.search(r"The same \d+ images in both", page)
    assert all((folder / f"runs/{n}/report.html").is_file() for n in ("mine", "hard"))
    return before, after


def test_five_commands(folder):
    check(folder, run(folder, quick=True))


@pytest.mark.skipif(
    "BLURNET_FULL" not in os.environ, reason="some minutes; set BLURNET_FULL=1 to run it"
)
def test_five_commands_in_full_take_less_than_ten_minutes(folder):
    start = time.monotonic()
    before, after = check(folder, run(folder, quick=False))
    seconds = time.monotonic() - start
    print(f"\n{seconds:.0f} s; worst case {before.worst.success} → {after.worst.success}")
    assert seconds < 600
