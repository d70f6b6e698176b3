"""What is called published is: by its content, wherever it lies and whatever it is called."""

import shutil

import pytest
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import CliRunner

from blurnet import experiments
from blurnet.cli.main import app
from blurnet.experiments import load_results
from blurnet.report import write_page


def altered(source, folder, part):
    """Copy RP2's artifacts, and change one of them."""
    shutil.copytree(source / "rp2", folder)
    if part in ("network", "noise"):
        path = (
            folder / {"network": "lisa_cnn.safetensors", "noise": "sticker_noise.safetensors"}[part]
        )
        with safe_open(path, "pt") as file:
            tensors, said = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
        name = next(iter(tensors))
        tensors[name] = tensors[name] * 1.001
        save_file(tensors, path, said)
    elif part:
        path = folder / {"mask": "masks/sticker.png", "photographs": "victims/01.png"}[part]
        ImageOps.mirror(Image.open(path)).save(path)
    return folder


@pytest.mark.parametrize("part", ["", "network", "photographs", "mask", "noise"])
def test_other_artifacts_never_stand_beside_the_published_column(shared_data, tmp_path, part):
    rp2 = altered(shared_data, tmp_path / "rp2", part)
    experiment = experiments.load("blackbox", (), {"rp2": str(rp2)})
    experiments.run(experiment, tmp_path / "run")
    results = load_results(tmp_path / "run")
    assert results.rp2_differs == ((part,) if part else ())
    page = write_page(tmp_path / "run").read_text()
    assert ('class="published"' in page) == (not part)
    assert ("does not hold what RP2 published" in page) == bool(part)
    assert ("Taken as published" in page) == (not part)
    if part:
        assert f"these differ: {part}." in page
    assert ("published with RP2" in page) == (part != "photographs")


def test_results_of_before_the_comparison_are_not_called_published(shared_data, tmp_path):
    experiment = experiments.load("blackbox", (), {"rp2": str(shared_data / "rp2")})
    experiments.run(experiment, tmp_path)
    path = tmp_path / "results.json"
    path.write_text(path.read_text().replace('"rp2_differs": []', '"rp2_differs": null'))
    page = write_page(tmp_path).read_text()
    assert 'class="published"' not in page
    assert "was not compared" in page


def test_a_row_of_rp2s_own_network_is_called_so_only_if_it_is(shared_data, tmp_path):
    def row(part):
        rp2 = altered(shared_data, tmp_path / (part or "own"), part)
        plan = experiments.load(
            "whitebox",
            ["seeds=[0]", "other_classes=[]"],
            {"rp2": str(rp2), "data": f"folder:{shared_data / 'lisa'}"},
        ).expand()
        return plan.planned[0]

    own, other = row(""), row("network")
    assert own.label == "RP2's own network"
    assert own.published is not None
    assert "not RP2's own" in other.label
    assert other.published is None


def test_evaluate_calls_a_network_rp2s_own_only_if_it_is(shared_data, tmp_path):
    for part in ("", "network"):
        rp2 = altered(shared_data, tmp_path / f"rp2{part}", part)
        out = tmp_path / f"evidence{part}"
        asked = ["evaluate", "--rp2", str(rp2), "--suite", "quick", "--images", "2", "--quiet"]
        CliRunner().invoke(app, [*asked, "--out", str(out)])
        network = load_results(out).network
        assert network == "RP2's own network" if not part else "not RP2's own" in network
