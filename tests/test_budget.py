"""The budgeted model: what it counts, and what it keeps."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import Budgeted, BudgetSpentError
from blurnet.attacks.losses import margin_of, untargeted

LABELS = torch.tensor([0, 1, 0])


class Linear(nn.Module):
    """Three logits, linear in the image."""

    def __init__(self):
        super().__init__()
        weights = torch.randn(3, 3 * 8 * 8, generator=torch.Generator().manual_seed(3))
        self.weights = nn.Parameter(weights)

    def forward(self, images):
        return images.flatten(1) @ self.weights.T


@pytest.fixture
def images():
    return torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask():
    mask = torch.zeros(1, 1, 8, 8)
    mask[:, :, 2:4, 1:7] = 1
    return mask


def stickers(images, mask, count):
    generator = torch.Generator().manual_seed(7)
    for _ in range(count):
        yield images * (1 - mask) + mask * torch.rand(images.shape, generator=generator)


def test_counts_for_an_attack_that_knows_nothing_of_it_and_keeps_the_best(images, mask):
    model = Linear()
    budget = Budgeted(model, images, LABELS, mask)
    met = []
    for points in stickers(images, mask, 4):
        points.requires_grad_()
        budget(points)[:, 0].sum().backward()
        met.append(margin_of(model(points), LABELS).detach())
        with torch.no_grad():
            budget(points.detach())
    found = budget.result()
    assert found.queries.tolist() == [8, 8, 8]
    assert found.gradients.tolist() == [4, 4, 4]
    assert found.dead_gradient_share == 0
    torch.testing.assert_close(found.history, torch.stack(met, 1).repeat_interleave(2, 1))
    torch.testing.assert_close(found.margin, torch.stack(met, 1).amin(1))
    torch.testing.assert_close(margin_of(model(found.adversarial), LABELS), found.margin)
    assert torch.equal(found.fooled, found.margin < 0)


def test_counts_the_same_for_attacks_of_our_own(images, mask):
    model = Linear()
    theirs, ours = (Budgeted(model, images, LABELS, mask) for _ in range(2))
    every = torch.arange(3)
    for points in stickers(images, mask, 3):
        variable = points.clone().requires_grad_()
        loss = untargeted(theirs(variable), LABELS, "cross_entropy")
        (wanted,) = torch.autograd.grad(loss.sum(), variable)
        value, gradient = ours.gradient(
            points, lambda z, rows: untargeted(z, LABELS[rows], "cross_entropy"), every
        )
        torch.testing.assert_close(gradient, wanted)
        torch.testing.assert_close(value, loss.detach())
        ours.logits(points[1:2], torch.tensor([1]))
    assert ours.queries.tolist() == [3, 6, 3]
    assert ours.gradients.tolist() == theirs.gradients.tolist() == [3, 3, 3]
    assert torch.equal(ours.result().adversarial, theirs.result().adversarial)
    assert ours.history().isnan().sum(1).tolist() == [3, 0, 3]


def test_what_leaves_the_mask_or_the_box_is_counted_and_not_kept(images, mask):
    for wrong in (1 - images, images + 2 * mask, images - 2 * mask):
        budget = Budgeted(Linear(), images, LABELS, mask)
        budget(wrong)
        assert budget.margin.isinf().all()
        assert torch.equal(budget.best, images)
        assert budget.queries.tolist() == [1, 1, 1]


def test_knows_images_by_their_place_by_name_and_by_their_pixels(images, mask):
    budget = Budgeted(Linear(), images, LABELS, mask)
    (points,) = stickers(images, mask, 1)
    budget(torch.cat([points, points]))
    assert budget.queries.tolist() == [2, 2, 2]
    budget(points[[2, 0]])
    assert budget.queries.tolist() == [3, 2, 3]
    with budget.of(torch.tensor([1])):
        budget(points[[1]])
    assert budget.queries.tolist() == [3, 3, 3]
    with pytest.raises(BlurnetError, match="none of the attacked images"):
        budget(torch.zeros(1, 3, 8, 8))


def test_the_limit_is_of_queries_and_gradients_together(images, mask):
    free = Budgeted(Linear(), images, LABELS, mask)
    limited = Budgeted(Linear(), images, LABELS, mask, limit=4)
    first, second, third = stickers(images, mask, 3)
    for points in (first, second):
        free(points)
        limited(points.requires_grad_()).sum().backward()
    with pytest.raises(BudgetSpentError, match="4 times"):
        limited(third)
    assert limited.queries.tolist() == limited.gradients.tolist() == [2, 2, 2]
    assert torch.equal(limited.margin, free.margin)


def test_dead_gradients_are_counted_under_the_mask_alone(images, mask):
    class Half(Linear):
        def forward(self, images):
            return super().forward(torch.cat([images[:, :1], images[:, 1:].round()], 1))

    budget = Budgeted(Half(), images, LABELS, mask)
    (points,) = stickers(images, mask, 1)
    budget.gradient(points, lambda z, _: z[:, 0], torch.arange(3))
    assert budget.result().dead_gradient_share == pytest.approx(2 / 3)


def test_draws_of_a_randomised_network_are_averaged(images, mask):
    class Noisy(Linear):
        def forward(self, images):
            logits = super().forward(images)
            return logits + torch.randn(logits.shape)

    budget = Budgeted(Noisy(), images, LABELS, mask)
    (points,) = stickers(images, mask, 1)
    value, _ = budget.gradient(points, lambda z, _: z[:, 0], torch.arange(3), draws=400)
    torch.testing.assert_close(value, Linear()(points)[:, 0].detach(), atol=0.3, rtol=0)
    assert budget.queries.tolist() == [400, 400, 400]
    assert budget.history().shape == (3, 1)


def test_logits_that_are_not_finite_are_refused(images, mask):
    with pytest.raises(BlurnetError, match="not finite"):
        Budgeted(Linear(), images, LABELS, mask)(images * torch.nan)
