"""Every attack on every network of tests/networks; what the fast copy falls back to."""

import pytest
import torch
from networks import NETWORKS
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import (
    PGDSettings,
    RandomSearchSettings,
    RectangleSettings,
    RP2Settings,
    dead_gradient_share,
    pgd,
    random_colors,
    random_search,
    rectangle_attack,
    rp2,
    transform,
)
from blurnet.attacks.fast.attacked_network import PLAIN, WAYS, AttackedNetwork
from blurnet.evaluation import predict
from blurnet.models import as_classifier, evaluating

PASTED = {"placement": "paste", "loss": "margin", "goal": "untargeted", "scope": "per_image"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=NETWORKS)
def scene(request):
    """A network, three images, a mask for each of them, and labels."""
    build, shape = NETWORKS[request.param]
    for needed in ("transformers",):
        if request.param.startswith(needed):
            pytest.importorskip(needed)
    torch.manual_seed(0)
    images = torch.rand(3, *shape, generator=generator(1))
    masks = torch.zeros(3, *shape[1:])
    for place in range(3):
        masks[place, 4 : 8 + place, 5:12] = 1
    return build(), images, masks, torch.tensor([1, 0, 1])


def expected(model, images):
    with torch.no_grad(), evaluating(as_classifier(model)) as network:
        return network(images.clone())


def test_every_attack(scene):
    model, images, masks, labels = scene
    before = images.clone()
    clean = expected(model, images)

    def attack(targets, mask, transforms=(), **settings):
        return rp2(
            model,
            images,
            targets,
            mask,
            settings=RP2Settings(steps=2, **settings),
            generator=generator(),
            transforms=transforms,
        )

    results = {
        "added": attack(torch.tensor([1, 0]), masks[0]),
        "bfloat16": attack(torch.tensor([1, 0]), masks[0], precision="bfloat16"),
        "pasted": attack(torch.tensor([0]), masks, placement="paste", keep="closest"),
        "untargeted": attack(labels[None], masks, **PASTED, restarts=2),
        "transforms": attack(
            torch.tensor([1]), masks[0], [transform("rotation"), transform("brightness")]
        ),
    }
    assert torch.equal(images, before)
    for name, found in results.items():
        assert found.loss.isfinite().all(), name
        assert found.adversarial.shape[1:] == images.shape, name
        assert 0 <= found.adversarial.min() <= found.adversarial.max() <= 1, name
    for found in (results["pasted"], results["untargeted"]):
        outside = (masks[:, None] == 0).expand_as(images)
        assert torch.equal(found.adversarial[0][outside], images[outside])
    norm = 0.02 * (masks[0] * torch.rand(2, *images.shape[1:], generator=generator())).flatten(1)
    started = (images + masks[0] * _start(images)[:, None]).clamp(0, 1).flatten(0, 1)
    losses = nn.functional.cross_entropy(
        expected(model, started), torch.tensor([1, 1, 1, 0, 0, 0]), reduction="none"
    )
    first = losses.view(2, 3).mean(1) + norm.norm(dim=1)
    torch.testing.assert_close(results["added"].loss[:, 0], first, rtol=1e-4, atol=1e-5)
    share = dead_gradient_share(
        model,
        images,
        labels[None],
        masks,
        results["untargeted"].noise,
        settings=RP2Settings(**PASTED),
        generator=generator(),
    )
    assert 0 <= share <= 1
    found = pgd(model, images, labels, settings=PGDSettings(steps=2), generator=generator())
    assert (found - images).abs().max() <= 8 / 255 + 1e-6
    searched = random_search(
        model, images, labels, masks, settings=RandomSearchSettings(5), generator=generator()
    )
    logits = expected(model, searched.adversarial)
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    torch.testing.assert_close(searched.margin, own - others, rtol=1e-4, atol=1e-5)
    rectangle_attack(
        model,
        images,
        labels,
        settings=RectangleSettings(5, 5, 8, steps=2),
        generator=generator(),
    )
    for control in random_colors(images, masks, stickers=2, generator=generator()):
        predict(model, control)
    answers = predict(model, images)
    assert torch.equal(answers.classes, clean.argmax(1))
    assert torch.equal(images, before)


def _start(images):
    return torch.rand(2, *images.shape[1:], generator=generator())


def way_of(model, images, precision="float32"):
    model = as_classifier(model)
    mask = torch.zeros(images.shape[2:])
    mask[4:6, 5:7] = 1
    network = AttackedNetwork(model, images[:1], precision, (images, mask))
    variable = torch.where(mask > 0, 0.5, images).requires_grad_()
    logits = network(variable * 1, slice(len(images)))
    torch.autograd.grad(logits.sum(), variable)
    off = (logits - expected(model, variable.detach())).norm()
    assert off <= (1e-4 if precision == "float32" else 0.2) * logits.norm() + 1e-4
    return network


def test_every_network_is_fast_or_falls_back(scene):
    model, images, *_ = scene
    for precision in ("float32", "bfloat16"):
        way_of(model, images, precision)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("vgg", WAYS[0]),
        ("by_keyword", WAYS[0]),
        ("flattened", WAYS[1]),
        ("compiled", WAYS[0]),
        ("in_place", WAYS[0]),
        ("keeps_maps", WAYS[0]),
    ],
)
def test_which_way_is_taken(name, way):
    build, shape = NETWORKS[name]
    network = way_of(build(), torch.rand(3, *shape, generator=generator(1)))
    assert network.way == way


class Sulking(nn.Module):
    """A network that takes maps and images only as they lie in memory at first."""

    def __init__(self, how):
        super().__init__()
        self.conv1, self.fc, self.how = nn.Conv2d(3, 6, 8, stride=4), nn.Linear(6 * 49, 4), how

    def forward(self, images):
        maps = self.conv1(images)
        if self.how == "asserts":
            assert images.is_contiguous(), "not contiguous"
            return self.fc(maps.flatten(1))
        return self.fc(torch.as_strided(maps, (len(maps), 6 * 49), (6 * 49, 1)))


@pytest.mark.parametrize("how", ["asserts", "as_strided"])
def test_the_plain_way_is_the_last(how):
    torch.manual_seed(0)
    images = torch.rand(3, 3, 32, 32)
    network = AttackedNetwork(Sulking(how), images[:1], "float32")
    assert network.way == PLAIN
    for precision in ("float32", "bfloat16"):
        way_of(Sulking(how), images, precision)


def test_a_network_without_gradients_is_told():
    class Detached(nn.Module):
        def forward(self, images):
            return images.detach().flatten(1)[:, :3]

    with pytest.raises(BlurnetError, match=r"no gradient of its images.*random search needs none"):
        rp2(
            Detached(),
            torch.rand(2, 3, 8, 8),
            torch.tensor([1]),
            torch.ones(8, 8),
            generator=generator(),
        )
