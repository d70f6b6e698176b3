"""The attack's losses, as they are written."""

import pytest
import torch

from blurnet.attacks.rp2.objective import attack_loss, reached

LOGITS = torch.tensor([[1.0, 3.0, -2.0], [0.5, 0.0, 2.0], [4.0, 4.5, 4.0]])
CLASSES = torch.tensor([1, 0, 0])


@pytest.mark.parametrize(
    ("loss", "goal", "expected"),
    [
        ("logit", "targeted", [-3, -0.5, -4]),
        ("logit", "untargeted", [3, 0.5, 4]),
        ("margin", "targeted", [0, 1.5, 0.5]),
        ("margin", "untargeted", [2, 0, 0]),
    ],
)
def test_values(loss, goal, expected):
    torch.testing.assert_close(
        attack_loss(LOGITS, CLASSES, loss, goal), torch.tensor(expected, dtype=torch.float32)
    )


def test_cross_entropy():
    expected = -LOGITS.log_softmax(1)[torch.arange(3), CLASSES]
    for goal, sign in (("targeted", 1), ("untargeted", -1)):
        found = attack_loss(LOGITS, CLASSES, "cross_entropy", goal)
        torch.testing.assert_close(found, sign * expected)


def test_reached():
    assert reached(LOGITS, CLASSES, "targeted").tolist() == [True, False, False]
    assert reached(LOGITS, CLASSES, "untargeted").tolist() == [False, True, True]
