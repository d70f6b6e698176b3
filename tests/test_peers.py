"""The attacked network's gradients are those that other libraries compute."""

import pytest
import torch
import torch.nn.functional as F

from blurnet.attacks.fast.attacked_network import AttackedNetwork
from blurnet.models import build

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]


def ours(model, images, targets):
    """Give ∇_x of the mean cross-entropy, of images covered by a small mask, through shortcuts."""
    mask = torch.zeros(32, 32)
    mask[8:13, 9:20] = 1
    network = AttackedNetwork(model, images[:1], "float32", (images, mask))
    assert network.first is not None
    attacked = (images + 0.3 * mask).clamp(0, 1).requires_grad_()
    loss = F.cross_entropy(network(attacked, slice(len(images))), targets)
    return attacked.detach(), torch.autograd.grad(loss, attacked)[0] * mask, mask


@pytest.fixture
def problem():
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return build("lisa_cnn", 6, seed=0).eval(), images, torch.tensor([0, 2, 5, 5])


def test_art(problem):
    classification = pytest.importorskip("art.estimators.classification")
    model, _, targets = problem
    attacked, gradient, mask = ours(*problem)
    classifier = classification.PyTorchClassifier(
        model=model,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(3, 32, 32),
        nb_classes=6,
        clip_values=(0, 1),
        device_type="cpu",
    )
    one_hot = F.one_hot(targets, 6).numpy()
    theirs = torch.from_numpy(classifier.loss_gradient(attacked.numpy(), one_hot))
    torch.testing.assert_close(gradient, theirs * mask, rtol=1e-4, atol=1e-7)


def test_foolbox(problem):
    foolbox = pytest.importorskip("foolbox")
    eagerpy = pytest.importorskip("eagerpy")
    model, _, targets = problem
    attacked, gradient, mask = ours(*problem)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD()
    loss = attack.get_loss_fn(wrapped, eagerpy.astensor(targets))
    _, theirs = attack.value_and_grad(loss, eagerpy.astensor(attacked))  # of the summed loss
    torch.testing.assert_close(gradient, theirs.raw / 4 * mask, rtol=1e-4, atol=1e-7)
