"""What the page says of defenses: each beside the same network undefended."""

import pytest

from blurnet.report.defenses.words import undefended, verdicts


def row(label, model, accuracy, mean, *, train="train-1", **defense):
    rate = {"value": mean, "interval": [mean, min(1, mean + 0.1)]}
    scene = {
        "mean": {"attack_success_rate": rate},
        "worst": {"attack_success_rate": rate},
        "true_class": "stop",
        "targets_tried": 16,
        "control_success_rate": {"value": 0.0, "interval": [0.0, 0.0]},
    }
    return {
        "label": label,
        "alpha": None,
        "defense": {"model": model, **defense},
        "test_accuracy": accuracy,
        "networks": [{"train": train}],
        "attacks": {"RP2": [scene]},
    }


OCCLUSION = {"hardening": {"name": "occlusion"}}


@pytest.fixture
def rows():
    return [
        row("RP2's own network", "lisa_cnn", 0.88, 0.54, train=None),
        row("undefended", "lisa_cnn", 0.90, 0.32),
        row("occlusion", "lisa_cnn", 0.895, 0.04, **OCCLUSION),
        row("grey", "grey_resnet", 0.972, 0.002),
        row("grey + occlusion", "grey_resnet", 0.978, 0.01, **OCCLUSION),
    ]


def test_a_defense_stands_beside_its_own_network_undefended(rows):
    said = verdicts(rows, "RP2")
    assert list(said) == ["RP2, on lisa_cnn", "RP2, on grey_resnet"]
    ours, grey = (text.replace("\u00a0", " ") for text in said.values())
    assert "“occlusion” with 4.0 %" in ours
    assert "Undefended: 32.0 %" in ours
    assert "none of the cheap ones" not in ours
    assert "“grey + occlusion” with 1.0 %" in grey
    assert "Undefended: 0.2 %" in grey
    assert "none of the cheap ones has a lower success on stop" in grey


def test_one_kind_of_network_needs_no_name(rows):
    assert list(verdicts(rows[:3], "RP2")) == ["RP2"]
    assert verdicts(rows[:2], "RP2") == {"RP2": "No defended network was tried."}


def test_the_network_trained_here_is_the_undefended_one(rows):
    assert undefended(rows, "lisa_cnn")["label"] == "undefended"
    assert undefended([rows[0], rows[2]], "lisa_cnn")["label"] == "RP2's own network"
    assert undefended(rows[:3], "grey_resnet") is None
