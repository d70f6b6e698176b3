"""Masked APGD beside a slow, literal transcription of the paper's algorithm, and where it leads."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import APGDSettings, Budgeted, RandomSearchSettings, apgd, random_search
from blurnet.attacks.apgd import Run, ascend, checkpoints
from blurnet.attacks.box import Box
from blurnet.attacks.losses import targeted, untargeted
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Quadratic(nn.Module):
    """Logits ±q(x), q a quadratic whose best point inside the box is no corner, with ripples."""

    def __init__(self, ripples=0.0, channels=3, size=6):
        super().__init__()
        self.ripples = ripples
        values = channels * size**2
        root = torch.randn(values, values, generator=generator(3)) / math.sqrt(values)
        self.shape = (channels, size, size)
        self.register_buffer("matrix", root @ root.T)
        self.register_buffer("centre", torch.rand(values, generator=generator(4)) * 1.2 - 0.1)

    def forward(self, images):
        off = images.flatten(1) - self.centre
        q = ((off @ self.matrix) * off).sum(1) + self.ripples * (40 * off).sin().sum(1)
        return torch.stack([q - 2, 2 - q], 1)


@pytest.fixture
def images():
    return torch.rand(4, 3, 6, 6, generator=generator(1))


@pytest.fixture
def mask():
    mask = torch.zeros(6, 6)
    mask[1:4, 2:6] = 1
    mask[1, 2] = 0.75  # blended
    mask[5, 5] = 1 / 255  # stray
    return mask


def literally(model, x, start, mask, steps, epsilon):
    """Algorithm 1 of arXiv 2003.01690 on one image, scalar by scalar where it decides.

    Maximises f = −q; gives every point at which f is evaluated.
    """
    weight = [float(m) if m > 0.5 else 0.0 for m in mask.flatten()] * 3

    def f(point):
        return -float(model(point[None])[0, 0])

    def gradient(point):
        variable = point.clone().requires_grad_()
        return torch.autograd.grad(-model(variable[None])[0, 0], variable)[0]

    def projected(point):
        values = []
        for value, clean, w in zip(
            point.flatten().tolist(), x.flatten().tolist(), weight, strict=True
        ):
            low = clean * (1 - w) + w * max(clean - epsilon, 0)
            high = clean * (1 - w) + w * min(clean + epsilon, 1)
            values.append(min(max(value, low), high) if w else clean)
        return torch.tensor(values).view_as(x)

    fractions = [0.0, 0.22]
    while fractions[-1] < 1:
        fractions.append(fractions[-1] + max(fractions[-1] - fractions[-2] - 0.03, 0.06))
    watched = [math.ceil(round(p * steps, 6)) for p in fractions]

    size, weights = 2 * epsilon, torch.tensor(weight).view_as(x)
    points, values = [projected(start)], [f(projected(start))]
    visited = list(points)
    best, best_value = points[0], values[0]
    sizes, bests = {0: 2 * size}, {0: -math.inf}  # never alike at the first check
    helped = 0
    for k in range(steps):
        z = projected(points[k] + size * weights * gradient(points[k]).sign())
        if k == 0:
            new = z
        else:
            move = 0.75 * (z - points[k]) + 0.25 * (points[k] - points[k - 1])
            new = projected(points[k] + move)
        visited.append(new)
        value = f(new)
        helped += value > values[k]
        if value > best_value:
            best, best_value = new, value
        points.append(new)
        values.append(value)
        if k + 1 in watched[1:]:
            at = watched.index(k + 1)
            last = watched[at - 1]
            few = helped <= 0.75 * (k + 1 - last)
            stuck = sizes[last] == size and bests[last] == best_value
            sizes[k + 1], bests[k + 1] = size, best_value
            if few or stuck:
                size /= 2
                points[-1], values[-1] = best, best_value
                points[-2] = points[-2]
            helped = 0
    return visited


class Watched(Budgeted):
    """A budget that remembers all points."""

    def gradient(self, points, *args, **kwargs):
        self.seen = [*getattr(self, "seen", []), points.clone()]
        return super().gradient(points, *args, **kwargs)


def run(model, images, mask, settings, start):
    weights = torch.where(mask > 0.5, mask, 0)[None, None]
    labels = torch.zeros(len(images), dtype=torch.int64)
    budget = Watched(model, images, labels, weights)
    box = Box.of(images, weights, settings.epsilon)

    def objective(logits, rows):
        return -logits[:, 0]

    ascend(budget, box.inside(start), torch.arange(len(images)), objective, box, settings)
    return torch.stack(budget.seen, 1)


@pytest.mark.parametrize(
    ("steps", "epsilon", "ripples"), [(100, 1, 0), (37, 1, 0), (60, 0.2, 0), (100, 1, 0.5)]
)
def test_every_point_is_the_papers(images, mask, steps, epsilon, ripples):
    model = Quadratic(ripples).double()
    images, mask = images.double(), mask.double()
    torch.set_default_dtype(torch.float64)  # rounding must not decide between two branches
    try:
        settings = APGDSettings(steps=steps, epsilon=epsilon, until_fooled=False)
        start = torch.rand(images.shape, generator=generator(9))
        found = run(model, images, mask, settings, start)
        for place, image in enumerate(images):
            wanted = literally(model, image, start[place], mask, steps, epsilon)
            torch.testing.assert_close(found[place], torch.stack(wanted), atol=1e-9, rtol=0)
    finally:
        torch.set_default_dtype(torch.float32)


def test_steps_that_helped_are_halved_where_nothing_better_was_found(images, mask):
    weights = torch.where(mask > 0.5, mask, 0)[None, None]
    budget = Budgeted(Quadratic(), images, torch.zeros(4, dtype=torch.int64), weights)
    box = Box.of(images, weights, 1)
    every = torch.arange(4)
    run = Run(budget, images, every, lambda z, _: -z[:, 0], box, APGDSettings())
    run.since, run.helped = 4, torch.tensor([4, 4, 4, 3])
    run.halved = torch.tensor([False, True, False, False])
    run.best_value = run.value_at_check + torch.tensor([0.0, 0.0, 1.0, 1.0])
    run.check()
    assert run.size.tolist() == [1, 2, 2, 1]
    assert run.halved.tolist() == [True, False, False, True]


def test_looks_at_the_steps_of_the_paper():
    assert checkpoints(100) == (22, 41, 57, 70, 80, 87, 93, 99)
    intervals = [b - a for a, b in pairwise((0, *checkpoints(1000)))]
    assert intervals[:5] == [220, 190, 160, 130, 100]
    assert set(intervals[6:]) == {60}
    assert checkpoints(1) == (1,)


def test_a_linear_networks_best_sticker_is_found_in_one_step(images, mask):
    weight = torch.randn(3, 6, 6, generator=generator(5))

    class Linear(nn.Module):
        def forward(self, images):
            score = (images * weight).sum((1, 2, 3))
            return torch.stack([score, -score], 1)

    weights = torch.where(mask > 0.5, mask, 0)
    best = images * (1 - weights) + weights * (weight < 0).float()
    settings = APGDSettings(steps=1, restarts=1, until_fooled=False)
    found = apgd(
        Linear(),
        images,
        torch.zeros(4, dtype=torch.int64),
        mask,
        settings=settings,
        generator=generator(),
    )
    torch.testing.assert_close(found.adversarial, best)
    assert torch.equal(found.adversarial[:, :, mask < 0.5], images[:, :, mask < 0.5])


@pytest.fixture(scope="module")
def problem():
    model = build("lisa_cnn", 5, seed=0).eval()
    photographs = torch.rand(5, 3, 32, 32, generator=generator(1))
    place = torch.zeros(32, 32)
    place[10:16, 8:24] = 1
    with torch.no_grad():
        labels = model(photographs).argmax(1)
    return model, photographs, labels, place


def attacked(problem, seed=0, **settings):
    model, photographs, labels, place = problem
    return apgd(
        model,
        photographs,
        labels,
        place,
        settings=APGDSettings(**settings),
        generator=generator(seed),
    )


def test_without_room_the_images_stay_as_they_are(problem):
    model, photographs, labels, place = problem
    wrong = labels.clone()
    wrong[2] = (wrong[2] + 1) % 5
    found = attacked((model, photographs, wrong, place), epsilon=0, steps=5)
    assert torch.equal(found.adversarial, photographs)
    assert found.fooled.tolist() == [False, False, True, False, False]


def test_epsilon_bounds_the_change(problem):
    _, photographs, _, place = problem
    found = attacked(problem, epsilon=0.1, steps=10, restarts=1, until_fooled=False)
    change = (found.adversarial - photographs).abs()
    assert change.max() <= 0.1 + 1e-6
    assert change[:, :, place == 1].max() > 0.09
    assert change[:, :, place == 0].max() == 0


def test_every_restart_is_never_worse_and_counts(problem):
    one = attacked(problem, steps=6, restarts=1, until_fooled=False)
    three = attacked(problem, steps=6, restarts=3, until_fooled=False)
    assert (three.margin <= one.margin).all()
    assert (three.margin < one.margin).any()
    assert one.queries.tolist() == one.gradients.tolist() == [7] * 5
    assert three.queries.tolist() == [21] * 5
    assert torch.equal(three.history[:, :7], one.history)
    torch.testing.assert_close(three.history.amin(1), three.margin)


def test_starts_from_what_random_search_found(problem):
    model, photographs, labels, place = problem
    searched = random_search(
        model,
        photographs,
        labels,
        place,
        settings=RandomSearchSettings(30, until_fooled=False),
        generator=generator(),
    )
    found = attacked(problem, steps=3, restarts=1, search=30, until_fooled=False)
    assert torch.equal(found.history[:, :30], searched.history)
    torch.testing.assert_close(found.history[:, 30], searched.history.amin(1))
    assert (found.margin < searched.margin).all()
    assert found.queries.tolist() == [34] * 5


@pytest.mark.parametrize("kind", ["random", "corners", "black", "white", "clean"])
def test_starts(problem, kind):
    _, photographs, _, place = problem
    box = Box.of(photographs, place[None, None], 1)
    start = box.start(kind, generator())
    inside, outside = start[:, :, place == 1], start[:, :, place == 0]
    assert torch.equal(outside, photographs[:, :, place == 0])
    corners = ((inside == 0) | (inside == 1)).float().mean()
    assert corners == (kind in ("corners", "black", "white"))
    wanted = {"black": 0, "white": 1, "corners": 0.5, "random": 0.5}
    if kind in wanted:
        assert inside.mean() == pytest.approx(wanted[kind], abs=0.05)


def test_each_target_has_a_run_of_its_own(problem):
    found = attacked(problem, loss="dlr", targets="all", steps=4, restarts=1, until_fooled=False)
    assert found.queries.tolist() == [1 + 4 * 5] * 5
    few = attacked(problem, loss="dlr", targets=2, steps=4, restarts=1, until_fooled=False)
    assert few.queries.tolist() == [1 + 2 * 5] * 5
    assert torch.equal(found.history[:, :11], few.history)
    assert APGDSettings(loss="dlr", targets="all", steps=4, restarts=1).passes(5) == 1 + 4 * 15


def test_the_same_seed_gives_the_same_and_fooled_images_are_left_alone(problem):
    first, again = (attacked(problem, steps=20, restarts=2) for _ in range(2))
    assert torch.equal(first.adversarial, again.adversarial)
    other = attacked(problem, seed=1, steps=20, restarts=2)
    assert not torch.equal(first.adversarial, other.adversarial)
    for row, fooled in zip(first.history, first.fooled, strict=True):
        asked = row[~row.isnan()]
        assert (asked[:-1] >= 0).all()
        assert (asked[-1] < 0) == fooled


def test_losses_by_hand():
    logits, label = torch.tensor([[3.0, 1.0, 2.5, -1.0]]), torch.tensor([0])
    assert untargeted(logits, label, "margin").item() == -0.5
    assert untargeted(logits, label, "dlr").item() == pytest.approx(-0.5 / 2)
    log_softmax = logits.log_softmax(1)
    assert untargeted(logits, label, "cross_entropy").item() == pytest.approx(-log_softmax[0, 0])
    target = torch.tensor([1])
    assert targeted(logits, label, target, "margin").item() == -2
    assert targeted(logits, label, target, "dlr").item() == pytest.approx(-2 / (3 - 0))
    assert targeted(logits, label, target, "cross_entropy").item() == pytest.approx(
        log_softmax[0, 1]
    )
    assert untargeted(logits[:, :2], label, "dlr").item() == -2


@pytest.mark.parametrize(
    "given",
    [
        {"steps": 0},
        {"restarts": 0},
        {"draws": 0},
        {"epsilon": 1.5},
        {"loss": "hinge"},
        {"starts": ()},
        {"starts": ("grey",)},
        {"targets": "every"},
        {"targets": -1},
        {"search": 1},
    ],
)
def test_settings_are_checked(given):
    with pytest.raises(BlurnetError, match="APGD settings"):
        APGDSettings(**given)
