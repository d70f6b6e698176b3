"""Each check of the audit: it passes what is right, fails what is wrong, and says when void."""

from dataclasses import replace

import pytest
import torch
from audited import (
    APGD,
    FORMULA,
    SEARCH,
    Behind,
    audited,
    checked,
    failed,
    passed,
    pasted,
    same,
    signs,
    trained,
)
from torch import nn

from blurnet.attacks import APGDSettings
from blurnet.evaluation import SuiteAttack, rate
from blurnet.evaluation.audit import CHECKS
from blurnet.models import evaluating


@pytest.fixture(scope="module")
def network():
    return trained(7)


def test_given_in_training_mode_is_said(network):
    assert "training mode" in passed("same network", audited(network, trained=True)).sentence


def test_probabilities(network):
    with pytest.warns(UserWarning, match="probabilities"):
        given = audited(Behind(network, same, lambda z: z.softmax(1)), pasted(3), SEARCH)
    failed("logits", given, strikes=["pasted"])
    passed("logits", audited(network, pasted(3)))


def test_a_landscape_that_is_not_steady(network):
    rough = Behind(network, lambda images: images + 0.5 * torch.sin(2e3 * images))
    failed("steady gradient", audited(rough, pasted(3)), strikes=["pasted"])


class Purifies(nn.Module):
    """Takes a step of its own before it answers."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        with torch.enable_grad():
            own = images.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.network(own).max(1).values.sum(), own)
        return self.network(images + 0.01 * gradient.sign())


def test_optimisation_inside_forward(network):
    found = failed("plain forward", audited(Purifies(network), pasted(3)), strikes=["pasted"])
    assert found.value == 1
    assert "torch.autograd.grad" in found.sentence
    passed("plain forward", audited(network, pasted(3)))


def test_more_area_does_more(network):
    """What fools through half of the mask is a sticker of the whole mask, too."""
    given = audited(network, pasted(60), mask=torch.ones(16, 16))
    passed("more area", given)
    stuck = replace(given.found[0], fooled=torch.zeros_like(given.found[0].fooled))
    failed("more area", replace(given, found=(stuck,)), strikes=["pasted"])


def test_what_is_carried_over_does_less(network):
    given = audited(network, pasted(60))
    passed("transfer", given)
    found = failed("transfer", replace(given, control=0.9), strikes=["pasted"])
    assert found.stronger == "a sticker nobody searched for"
    asleep = Behind(network, lambda images: (8 * images).round() / 8)
    whole = audited(asleep, pasted(20), mask=torch.ones(16, 16))
    found = failed("transfer", replace(whole, source=network), strikes=["pasted"])
    assert found.stronger == "stickers made on the other network"


def test_the_weight_alone(network):
    assert checked("less weight", audited(network, pasted(3))).verdict == "void"
    given = audited(network, FORMULA)
    passed("less weight", given)
    found, target = given.found[0], given.found[0].figures.targets[0]
    wrong = tuple((label + 1) % 4 for label in given.labels.tolist())
    best = target.model_copy(
        update={"answers": wrong, "success": rate(torch.ones(16, dtype=torch.bool))}
    )
    claims = replace(found, figures=found.figures.model_copy(update={"targets": (best,)}))
    failed("less weight", replace(given, found=(claims,)), strikes=["formula"])


def test_no_sticker_changes_nothing(network):
    passed("no sticker", audited(network, pasted(3), FORMULA, APGD))
    given = audited(network, pasted(3))
    other = replace(given, clean=(given.clean + 1) % 4, labels=(given.labels + 1) % 4)
    failed("no sticker", other, strikes=["pasted"])


def test_saved_and_loaded(network):
    given = audited(network, pasted(60), FORMULA, APGD, SEARCH)
    passed("saved", given)
    tensors = given.found[0].tensors
    tensors["sticker/0"] = 1 - tensors["sticker/0"]
    tensors["answers/0"] = (tensors["answers/0"] + 1) % 4
    failed("saved", given, strikes=["pasted"])


def test_the_last_step_is_the_best(network):
    given = audited(network, pasted(60))
    passed("last step", given)
    passed("more steps", given)
    descent = given.found[0].descent
    descent.reached[:, 20:40] = 1
    descent.ended[:] = 0
    failed("last step", given, strikes=["pasted"])
    failed("more steps", given, strikes=["pasted"])


def test_dlr_wants_classes(network):
    ratio = SuiteAttack(
        name="dlr", describes="", apgd=APGDSettings(steps=2, restarts=1, loss="dlr", targets=2)
    )
    passed("enough classes", audited(network, ratio))
    three = Behind(network, same, lambda z: z[:, :3])
    images, labels = signs(48, 3)
    few = (images[labels < 3], labels[labels < 3])
    found = checked("enough classes", audited(three, ratio, images=few))
    assert found.verdict == "void"
    assert "too few" in found.sentence


def test_too_few_images_are_void(network):
    images, labels = signs(16, 3)
    wrong = audited(network, pasted(3), images=(images, (labels + 1) % 4))
    assert checked("steady gradient", wrong).verdict == "void"
    assert "0 of 16 images" in checked("gradient", wrong).sentence
    assert checked("unbounded", wrong).verdict == "void"
    some = audited(network, pasted(3), images=(images[:5], labels[:5]))
    assert checked("steady gradient", some).verdict == "passed", "there are no more"
    for name in CHECKS:
        assert checked(name, wrong).verdict in {"passed", "failed", "void"}


def test_an_easy_binarisation_is_void(network):
    one = torch.zeros(16, 16)
    one[8, 8] = 1
    found = checked("binarisation", audited(network, pasted(3), mask=one))
    assert found.verdict == "void"
    assert "too easy" in found.sentence


def test_no_linear_layer_no_binarisation():
    class Means(nn.Module):
        def forward(self, images):
            return torch.stack([images[:, :, :8].mean((1, 2, 3)), images.mean((1, 2, 3))], 1)

    images = torch.rand(10, 3, 16, 16)
    images[:, :, :8] += 1
    given = audited(Means(), pasted(3), images=(images.clamp(0, 1), torch.zeros(10).long()))
    found = checked("binarisation", given)
    assert found.verdict == "void"
    assert "no linear layer" in found.sentence


def test_the_network_is_left_as_it_was(network):
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    luck = torch.random.get_rng_state()
    with evaluating(network):
        given = audited(network, pasted(3), SEARCH)
    for name in CHECKS:
        checked(name, given)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert luck.shape == torch.random.get_rng_state().shape
    network.eval()
