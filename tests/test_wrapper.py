"""The wrapper, by itself and under another library's attack."""

import pytest
import torch

from blurnet import BlurnetError
from blurnet.attacks import APGDSettings, Budgeted, StickerModel, apgd
from blurnet.attacks.sticker import sticker_mask
from blurnet.models import build


@pytest.fixture(scope="module")
def problem():
    model = build("lisa_cnn", 5, seed=0).eval()
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(32, 32)
    mask[10:14, 8:20] = 1
    mask[0, 0] = 1 / 255
    with torch.no_grad():
        labels = model(images).argmax(1)
    return model, images, labels, mask


def test_a_network_of_stickers(problem):
    model, images, _, mask = problem
    net = StickerModel(model, images, mask)
    stickers = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    stickers.requires_grad_()
    logits = net(stickers)
    covered = mask > 0.5
    for place in range(8):
        pasted = torch.where(covered, stickers[place], images[place % 4])
        torch.testing.assert_close(logits[place], model(pasted[None])[0])
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), stickers)
    assert (gradient[:, :, ~covered] == 0).all()
    assert (gradient[:, :, covered] != 0).any()
    with pytest.raises(BlurnetError, match="in order; found 3"):
        net(stickers[:3])


def test_masks_of_their_own(problem):
    model, images, _, mask = problem
    own = torch.stack([mask, mask.T, mask, mask.flip(0)])
    stickers = torch.rand(4, 3, 32, 32)
    logits = StickerModel(model, images, own)(stickers)
    for place in range(4):
        pasted = torch.where(own[place] > 0.5, stickers[place], images[place])
        torch.testing.assert_close(logits[place], model(pasted[None])[0])


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_foolboxs_pgd_makes_stickers_under_a_budget(problem):
    foolbox = pytest.importorskip("foolbox")
    model, images, labels, mask = problem
    budget = Budgeted(model, images, labels, sticker_mask(mask, images))
    net = StickerModel(budget, images, mask).eval()
    wrapped = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(steps=20, abs_stepsize=0.25)
    attack.run(wrapped, images, foolbox.criteria.Misclassification(labels), epsilon=1.0)
    found = budget.result()
    assert found.gradients.tolist() == [20] * 4
    assert (found.queries >= 20).all()
    moved = (found.adversarial != images).any(1)
    assert not moved[:, mask <= 0.5].any()
    settings = APGDSettings(steps=20, restarts=1, until_fooled=False)
    ours = apgd(
        model, images, labels, mask, settings=settings, generator=torch.Generator().manual_seed(0)
    )
    assert (found.margin - ours.margin).abs().max() < 0.2 * found.margin.abs().max()
