"""What the page says of defenses: each beside the same network undefended."""

import pytest
import torch

from blurnet.defenses import Blur, Defense
from blurnet.evaluation import rate
from blurnet.evaluation.effects import MapEffects
from blurnet.experiments.results import AttackedScene, DefenseRow, RowNetwork
from blurnet.penalties import Penalty
from blurnet.report.defenses.verdict import verdicts
from blurnet.report.defenses.words import undefended
from blurnet.report.words import blur_words, defense_words


def share(value, of=1000):
    return rate(torch.arange(of) < round(value * of))


def row(label, model, accuracy, mean, *, train="train-1", defense=None):
    scene = AttackedScene(
        true_class="stop",
        images=1000,
        targets_tried=16,
        accuracy=share(1),
        mean=share(mean),
        altered=share(mean),
        reached=share(0),
        worst=share(mean),
        worst_targets=("yield",),
        any_target=share(mean),
        control=share(0),
        targets={},
        l2_dissimilarity=0.2,
        loss_first=1,
        loss_last=0,
        networks=(),
    )
    return DefenseRow(
        label=label,
        model=model,
        defense=defense or Defense(),
        warm_start=False,
        alpha=None,
        test_accuracy=share(accuracy),
        class_accuracy={},
        called_true_class=None,
        maps=MapEffects(total_variation=1, relative_variation=1),
        kernels=None,
        networks=(RowNetwork(seed=0, test_accuracy=accuracy, train=train, evaluate="e"),),
        attacks={"RP2": (scene,)},
        published=None,
    )


OCCLUSION = Defense(augmentation={"name": "occlusion"})


@pytest.fixture
def rows():
    return [
        row("RP2's own network", "lisa_cnn", 0.88, 0.54, train=None),
        row("undefended", "lisa_cnn", 0.90, 0.32),
        row("occlusion", "lisa_cnn", 0.895, 0.04, defense=OCCLUSION),
        row("grey", "grey_resnet", 0.972, 0.002),
        row("grey + occlusion", "grey_resnet", 0.978, 0.01, defense=OCCLUSION),
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
    assert undefended(rows, "lisa_cnn").label == "undefended"
    assert undefended([rows[0], rows[2]], "lisa_cnn").label == "RP2's own network"
    assert undefended(rows[:3], "grey_resnet") is None


def test_a_defense_is_said_in_words():
    assert defense_words(Defense()) == "no defense"
    assert defense_words(OCCLUSION, warm_start=True) == (
        "trained on occlusion; warm start from the undefended network"
    )
    told = defense_words(
        Defense(
            filters=(Blur("box", 5, "relu1"), Blur("gaussian", 3)),
            penalties=(Penalty("total_variation", 1e-4, ("relu1",)),),
            adversarial={"name": "pgd", "steps": 3},
        )
    )
    assert told == (
        "fixed box 5×5 after relu1; fixed gaussian 3×3 after the first convolution; "
        "total variation α 1e-4 on relu1; trained on pgd (steps 3)"
    )
    assert blur_words(Blur("box", 3, "input", "reflect")) == "box 3×3 after input, border: reflect"
