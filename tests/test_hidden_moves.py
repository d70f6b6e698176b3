"""A spatial transformer whose moves saturate: the gradient misses what random search finds."""

import pytest
import torch
import torch.nn.functional as F
from networks.spatial_transformer import SpatialTransformer
from torch import nn

import blurnet
from blurnet.attacks import (
    APGDSettings,
    RandomSearchSettings,
    RP2Settings,
    apgd,
    random_search,
    rectangles,
    rp2,
)
from blurnet.data import synthetic
from blurnet.evaluation import predict

ADAM = RP2Settings(
    steps=40, lam=0, placement="paste", loss="margin", goal="untargeted", scope="per_image"
)


class Saturated(SpatialTransformer):
    """Moves by a tanh that is flat almost everywhere: its gradient says that it does not move."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        nn.init.normal_(self.place.weight, std=0.05)
        nn.init.zeros_(self.place.bias)

    def forward(self, images):
        moves = torch.tanh(20 * self.place(self.look(images))).view(-1, 2, 3)
        grid = F.affine_grid(torch.eye(2, 3) + 0.5 * moves, images.shape, align_corners=False)
        return self.classify(F.grid_sample(images, grid, align_corners=False))


@pytest.fixture(scope="module")
def problem():
    drawn = synthetic.draw(synthetic.CLASSES[:6], 40, seed=3)
    test = torch.arange(len(drawn.images)) % 4 == 0
    torch.manual_seed(0)
    net = Saturated(6)
    blurnet.train(
        net,
        (drawn.images[~test], drawn.labels[~test]),
        settings=blurnet.FitSettings(epochs=8, lr=2e-3),
    )
    images, labels = drawn.images[test], drawn.labels[test]
    right = (predict(net, images).classes == labels).nonzero().flatten()[:24]
    boxes = [(8, 15, 10, 19), (20, 18, 23, 20), (9, 22, 13, 25), (18, 24, 20, 26)]
    return net, images[right].float() / 255, labels[right], rectangles((32, 32), boxes)


def test_apgd_from_what_random_search_found_closes_the_gap(problem):
    net, images, labels, mask = problem

    def generator():
        return torch.Generator().manual_seed(0)

    assert len(images) == 24
    found = rp2(net, images, labels[None], mask, settings=ADAM, generator=generator())
    by_adam = predict(net, found.attacked(0)).classes != labels
    asked = RandomSearchSettings(300)
    by_search = random_search(net, images, labels, mask, settings=asked, generator=generator())
    settings = APGDSettings(search=300, restarts=1)
    both = apgd(net, images, labels, mask, settings=settings, generator=generator())
    assert (by_search.fooled & ~by_adam).any(), "there is a gap"
    assert not (by_search.fooled & ~both.fooled).any()
    assert both.fooled.sum() >= by_adam.sum()
    left = ~by_search.fooled
    assert (both.margin[left] <= by_search.margin[left]).all()
    assert (both.margin[left] < by_search.margin[left]).any(), "it goes on from there"
