"""One mask or one an image, one label or one an image, any channels; what is refused, and how."""

import dataclasses

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import (
    RandomSearchSettings,
    RectangleSettings,
    RP2Settings,
    bars,
    dead_gradient_share,
    non_printability_score,
    pgd,
    random_colors,
    random_search,
    rectangle_attack,
    rp2,
)
from blurnet.data import synthetic
from blurnet.engine.step import canonical
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.penalties import Penalty

PASTED = {"placement": "paste", "loss": "margin", "goal": "untargeted", "scope": "per_image"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=3, channels=3):
    return torch.rand(count, channels, 32, 32, generator=generator(1))


def masks(count=3):
    made = torch.zeros(count, 32, 32)
    for place in range(count):
        made[place, 8 + place : 13, 9 : 20 - 2 * place] = 1
    return made


def attack(targets, mask, images=None, seed=0, model=None, **settings):
    return rp2(
        model or build("lisa_cnn", 6, seed=0),
        pictures() if images is None else images,
        targets,
        mask,
        settings=RP2Settings(**{"steps": 4, **settings}),
        generator=generator(seed),
    )


@pytest.mark.parametrize("settings", [{}, {"placement": "paste"}, {"scope": "per_image"}])
def test_equal_masks_are_one_mask(settings):
    mask = masks()[0]
    one = attack(torch.tensor([0, 2]), mask, **settings)
    each = attack(torch.tensor([0, 2]), mask.expand(3, 32, 32), **settings)
    torch.testing.assert_close(each.loss, one.loss)
    torch.testing.assert_close(each.noise, one.noise, rtol=0, atol=2e-4)


def test_one_sticker_under_several_masks_is_the_formula():
    """λ‖δ‖ of all pixels that some image shows, and each image under its own mask."""
    model, images, shown = build("lisa_cnn", 6, seed=0).eval(), pictures(), masks()
    found = attack(torch.tensor([4]), shown, lam=0.7, steps=1, model=model)
    delta = torch.rand(3, 32, 32, generator=generator())
    attacked = (images + shown[:, None] * delta).clamp(0, 1)
    expected = nn.functional.cross_entropy(model(attacked), torch.tensor([4] * 3))
    expected += 0.7 * (shown.amax(0) * delta).norm()
    torch.testing.assert_close(found.loss[0, 0], expected.detach())


def test_each_image_has_its_own_mask_and_label():
    labels = torch.tensor([1, 0, 5])
    together = attack(labels[None], masks(), start="zeros", keep="closest", **PASTED)
    for place in range(3):
        alone = attack(
            labels[place : place + 1],
            masks()[place],
            pictures()[place : place + 1],
            start="zeros",
            keep="closest",
            **PASTED,
        )
        torch.testing.assert_close(
            together.adversarial[0, place], alone.adversarial[0, 0], rtol=0, atol=1e-4
        )
    shares = dead_gradient_share(
        build("lisa_cnn", 6, seed=0),
        pictures(),
        labels[None],
        masks(),
        torch.where(masks()[:, None] > 0, together.noise[0], 0.0)[None],
        settings=RP2Settings(**(PASTED | {"loss": "cross_entropy"})),
        generator=generator(),
    )
    assert shares.tolist() == [0]


def test_a_universal_untargeted_sticker_takes_labels_too():
    model = build("lisa_cnn", 6, seed=0).eval()
    labels = torch.tensor([1, 0, 5])
    found = attack(labels[None], masks()[0], goal="untargeted", lam=0, steps=1, model=model)
    delta = torch.rand(3, 32, 32, generator=generator())
    attacked = (pictures() + masks()[0] * delta).clamp(0, 1)
    expected = -nn.functional.cross_entropy(model(attacked), labels)
    torch.testing.assert_close(found.loss[0, 0], expected.detach())


def test_non_printability_of_stickers_with_masks_of_their_own():
    stickers, colors = pictures(), torch.rand(4, 3, generator=generator(2))
    together = non_printability_score(stickers, masks(), colors)
    alone = [
        non_printability_score(stickers[place : place + 1], masks()[place], colors)
        for place in range(3)
    ]
    torch.testing.assert_close(together, torch.cat(alone))
    settings = {"printability": 0.1, "scope": "per_image", "lam": 0, "steps": 1}
    found, without = (
        rp2(
            build("lisa_cnn", 6, seed=0),
            pictures(),
            torch.tensor([1]),
            masks(),
            settings=RP2Settings(**(settings | changed)),
            generator=generator(),
            colors=colors,
        )
        for changed in ({}, {"printability": 0})
    )
    noise = torch.rand(1, 3, 3, 32, 32, generator=generator())[0]
    expected = 0.1 * non_printability_score(noise, masks(), colors).mean()
    torch.testing.assert_close(found.loss[0, 0] - without.loss[0, 0], expected)


def test_random_search_under_masks_of_their_own():
    model, images, labels = build("lisa_cnn", 6, seed=0), pictures(), torch.tensor([1, 0, 5])

    def search(mask):
        return random_search(
            model,
            images,
            labels,
            mask,
            settings=RandomSearchSettings(30),
            generator=generator(),
            on_step=lambda *done: told.append(done),
        )

    told = []
    one, each = search(masks()[0]), search(masks()[0].expand(3, 32, 32))
    assert torch.equal(one.adversarial, each.adversarial)
    assert told[-1] == (30, 30)
    own = search(masks())
    outside = (masks()[:, None] == 0).expand_as(images)
    assert torch.equal(own.adversarial[outside], images[outside])
    assert (own.adversarial[~outside] != images[~outside]).float().mean() > 0.99


def test_random_colors_are_drawn_once_and_cover_what_is_above_half():
    images, mask = pictures(), torch.rand(32, 32, generator=generator(3))
    covered = (mask > 0.5).float()
    drawn = torch.rand(4, 3, 32, 32, generator=generator())
    for stickers in (mask, mask.expand(3, 32, 32)):
        found = list(random_colors(images, stickers, stickers=4, generator=generator()))
        assert len(found) == 4
        for under, colors in zip(found, drawn, strict=True):
            assert torch.equal(under, images * (1 - covered) + colors * covered)


@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels(channels):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(channels, 6, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(600, 4)
    )
    images = pictures(channels=channels)
    found = attack(torch.tensor([0, 3]), masks()[0], images, model=model, steps=30, lam=0)
    assert (found.loss[:, -1] < found.loss[:, 0]).all()
    assert found.noise.shape == (2, channels, 32, 32)
    with pytest.raises(BlurnetError, match=r"printability is of red.*3 channels; found"):
        rp2(
            model,
            images,
            torch.tensor([0]),
            masks()[0],
            settings=RP2Settings(printability=0.1),
            colors=torch.rand(2, 3),
            generator=generator(),
        )


def test_bars_are_those_of_drawn_signs():
    assert torch.equal(bars((32, 32)), synthetic.sticker_mask("stop", 32))
    assert torch.equal(bars((64, 64)), synthetic.sticker_mask("stop", 64))
    for shape in ((224, 224), (100, 60), (32, 96)):
        mask = bars(shape)
        assert mask.shape == shape
        assert float(mask.mean()) == pytest.approx(72 / 1024, rel=0.15)
        assert torch.equal(mask, mask.flip(1))
    with pytest.raises(BlurnetError, match="no pixel's centre is inside"):
        bars((2, 2))


def test_what_is_published():
    assert RP2Settings().published
    assert RP2Settings(steps=1000, piece=7, precision="auto").published
    others = {
        "steps": 299,
        "lam": 0.13,
        "p": 1,
        "lr": 0.01,
        "betas": (0.9, 0.99),
        "eps": 1e-7,
        "start": "zeros",
        "clip": False,
        "placement": "paste",
        "loss": "margin",
        "goal": "untargeted",
        "scope": "per_image",
        "keep": "closest",
        "restarts": 2,
        "draws": 2,
        "stop_when_done": True,
        "printability": 0.1,
        "penalties": (Penalty("total_variation", 1e-4, ("relu1",)),),
        "frequencies": 8,
    }
    names = {each.name for each in dataclasses.fields(RP2Settings)}
    assert names == {*others, "piece", "precision"}
    for name, value in others.items():
        assert not RP2Settings(**{name: value}).published, name
    assert canonical(RP2Settings(piece=7)) == canonical(RP2Settings()) == {}


class Broken(nn.Module):
    """Three logits that are not finite under a sticker, or always."""

    def __init__(self, above):
        super().__init__()
        self.above = above

    def forward(self, images):
        logits = images.flatten(1)[:, :3]
        bright = images.amax((1, 2, 3))[:, None] > self.above
        return torch.where(bright, logits * torch.nan, logits)


ONE = torch.tensor([1])
LABELS = torch.tensor([0, 1, 2])
REFUSED = [
    ({"mask": torch.zeros(32, 32)}, "the mask is 0 everywhere: there is no pixel"),
    (
        {"mask": torch.stack([torch.ones(32, 32)] * 2 + [torch.zeros(32, 32)])},
        "the mask of image 2 is 0 everywhere",
    ),
    ({"mask": torch.ones(2, 32, 32)}, r"mask is 2 × 32 × 32; .* 32 × 32.* or 3 × 32 × 32"),
    ({"mask": torch.ones(1, 3, 32, 32)}, "mask is 1 × 3 × 32 × 32"),
    ({"mask": torch.ones(32, 32, dtype=torch.bool)}, "mask is float32 in .*found torch.bool"),
    ({"images": torch.zeros(3, 3, 32, 32).byte()}, r"images are float32.*divide uint8 by 255"),
    ({"images": torch.rand(3, 32, 32)}, "images are float32, N × C × H × W.*3 × 32 × 32"),
    ({"model": Broken(-1)}, "logits are not finite"),
    ({"model": nn.Flatten(0)}, "a classifier gives N × K logits"),
    (
        {"images": torch.rand(3, 3, 48, 48), "mask": torch.ones(48, 48)},
        r"does not take images of 3 × 48 × 48: it said: .*Classifier\(model, size=",
    ),
    ({"images": torch.rand(3, 1, 32, 32)}, r"does not take images of 1 × 32 × 32: it said"),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED)
@pytest.mark.parametrize("name", ["rp2", "random_search", "pgd", "rectangle", "predict", "dead"])
def test_refused_in_one_line(name, changed, message):
    given = {
        "model": build("lisa_cnn", 6, seed=0),
        "images": torch.rand(3, 3, 32, 32),
        "mask": torch.ones(32, 32),
    } | changed
    model, images, mask = given.values()
    drawn = {"generator": generator()}
    work = {
        "rp2": lambda: rp2(model, images, ONE, mask, **drawn),
        "random_search": lambda: random_search(model, images, LABELS, mask, **drawn),
        "pgd": lambda: pgd(model, images, LABELS, **drawn),
        "rectangle": lambda: rectangle_attack(
            model, images, LABELS, settings=RectangleSettings(steps=1), **drawn
        ),
        "predict": lambda: predict(model, images),
        "dead": lambda: dead_gradient_share(
            model, images, ONE, mask, images[:1], settings=RP2Settings(), **drawn
        ),
    }[name]
    if name in ("pgd", "rectangle", "predict") and "mask" in changed and "images" not in changed:
        pytest.skip("takes no mask")
    if name == "predict" and "images are float32" in message:
        pytest.skip("takes bytes, and leaves shapes to the network")
    with pytest.raises(BlurnetError, match=message) as caught:
        work()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "settings", "message"),
    [
        (torch.tensor([[0], [1]]), {}, "targets are int64, T with one for each.*found .*2 × 1"),
        (torch.tensor(1), {}, "targets are int64.*found torch.int64, a number"),
        (LABELS[None], {}, 'one sticker for all images has one target.*scope "per_image"'),
        (LABELS, {"goal": "untargeted"}, r"one for each as labels\[None\], 1 × 3; found 3 attacks"),
        (torch.tensor([6]), {}, r"targets \[6\] are not all among the network's 6 outputs, 0…5"),
        (torch.tensor([[0, -1, 9]]), {"goal": "untargeted"}, r"targets \[-1, 0, 9\] are not all"),
    ],
)
def test_refused_targets(targets, settings, message):
    with pytest.raises(BlurnetError, match=message):
        attack(targets, masks()[0], **settings)


@pytest.mark.parametrize("wrong", [torch.tensor([0, 1]), torch.tensor([0.0, 1, 2]), [0, 1, 2]])
def test_refused_labels(wrong):
    model, images = build("lisa_cnn", 6, seed=0), pictures()
    for work in (
        lambda: pgd(model, images, wrong, generator=generator()),
        lambda: rectangle_attack(model, images, wrong, generator=generator()),
        lambda: random_search(model, images, wrong, masks(), generator=generator()),
    ):
        with pytest.raises(BlurnetError, match="labels"):
            work()
    with pytest.raises(BlurnetError, match=r"labels \[0, 1, 7\] are not all among"):
        pgd(model, images, torch.tensor([0, 1, 7]), generator=generator())


def test_logits_that_break_under_the_sticker():
    """Only the third image gets so bright."""
    images = torch.full((3, 3, 32, 32), 0.2)
    images[2] = 0.95
    with pytest.raises(BlurnetError, match="not finite on attacked images, from step 1 of 4"):
        attack(torch.tensor([1]), masks()[0], images, model=Broken(0.9), start="zeros")
    with pytest.raises(BlurnetError, match="not finite"):
        predict(Broken(0.9), images)
    with pytest.raises(BlurnetError, match="not finite"):
        random_search(
            Broken(0.9),
            images,
            LABELS,
            masks()[0],
            settings=RandomSearchSettings(2),
            generator=generator(),
        )


@pytest.mark.parametrize("model", [Broken(2), nn.Sequential(nn.Flatten(), nn.Linear(3072, 3))])
def test_predict_leaves_images_and_network_alone(model):
    images = pictures()
    before = images.clone()
    model.train()
    predict(model, images)
    assert torch.equal(images, before)
    assert model.training
