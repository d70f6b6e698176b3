"""RP2's choices: placements, losses, goals, scopes, restarts, transforms, stopping, precision."""

import dataclasses

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import RP2Settings, rp2
from blurnet.attacks.rp2.printability import non_printability_score
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(views=3):
    mask = torch.zeros(32, 32)
    mask[8:13, 9:20] = 1
    return torch.rand(views, 3, 32, 32, generator=generator(1)), mask


def attack(settings, *, targets=(0, 2, 5), model=None, images=None, seed=0, **more):
    given, mask = scene()
    return rp2(
        model or build("lisa_cnn", 6, seed=0),
        given if images is None else images,
        torch.tensor(targets),
        mask,
        settings=settings,
        generator=generator(seed),
        **more,
    )


class Factor:
    """A transform that multiplies by 1 + share · U[0, 1]."""

    def __init__(self, of="image", redraw=True, share=0.3):
        self.of, self.redraw, self.share, self.asked = of, redraw, share, []

    def draw(self, count, image_shape, /, generator):
        drawn = 1 + self.share * torch.rand(count, 1, generator=generator)
        self.asked.append((count, image_shape, drawn))
        return drawn

    def __call__(self, images, parameters, /):
        return images * parameters[..., None, None]


class Halved:
    """A transform that halves the size."""

    of, redraw = "image", False

    def draw(self, count, image_shape, /, generator):
        return torch.empty(count, 0)

    def __call__(self, images, parameters, /):
        return nn.functional.avg_pool2d(images, 2)


@pytest.mark.parametrize("placement", ["add", "add_straight_through", "paste"])
@pytest.mark.parametrize("scope", ["universal", "per_image"])
def test_together_equals_one_by_one(placement, scope):
    settings = RP2Settings(steps=4, start="zeros", placement=placement, scope=scope, draws=2)
    row = [Factor("sticker"), Factor(redraw=False)]
    together = attack(settings, transforms=row)
    for piece in (1, 2, 5):
        cut = attack(dataclasses.replace(settings, piece=piece), transforms=row)
        torch.testing.assert_close(cut.noise, together.noise, rtol=0, atol=2e-4)
        torch.testing.assert_close(cut.loss, together.loss)
    for t, target in enumerate((0, 2, 5)):
        alone = attack(settings, targets=(target,), transforms=row)
        torch.testing.assert_close(alone.noise[0], together.noise[t], rtol=0, atol=2e-4)
        torch.testing.assert_close(alone.adversarial[0], together.adversarial[t])


def test_one_image_makes_per_image_universal():
    one = scene()[0][:1]
    universal = attack(RP2Settings(steps=5), images=one)
    per_image = attack(RP2Settings(steps=5, scope="per_image"), images=one)
    assert per_image.noise.shape == (3, 1, 3, 32, 32)
    assert torch.equal(per_image.noise[:, 0], universal.noise)
    assert torch.equal(per_image.loss, universal.loss)


def test_per_image_attacks_each_image_by_itself():
    images = scene()[0]
    settings = RP2Settings(steps=5, start="zeros", scope="per_image")
    together = attack(settings)
    for i in range(3):
        alone = attack(settings, images=images[i : i + 1])
        torch.testing.assert_close(alone.noise[:, 0], together.noise[:, i], rtol=0, atol=2e-4)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin", "logit"])
def test_untargeted_leaves_the_true_class(loss):
    model, (images, _) = build("lisa_cnn", 6, seed=0).eval(), scene()
    with torch.no_grad():
        before = model(images)
    true = before[0].argmax().item()
    result = attack(
        RP2Settings(steps=60, lam=0, loss=loss, goal="untargeted", placement="paste"),
        targets=(true,),
        model=model,
    )
    with torch.no_grad():
        after = model(result.adversarial[0])
    assert after.softmax(1)[:, true].sum() < before.softmax(1)[:, true].sum()
    assert result.loss[0, -1] <= result.loss[0, 0]
    assert (after.argmax(1) != true).all()


def test_the_first_loss_with_transforms_is_the_formula():
    """λ‖M·(s − x̄)‖ + λ_NPS · NPS(s) + the mean over draws and views, of what was drawn."""
    model, (images, mask) = build("small_resnet", 6, seed=0).eval(), scene()
    sticker, seen = Factor("sticker"), Factor(redraw=False)
    colors = torch.rand(4, 3, generator=generator(9))
    settings = RP2Settings(steps=1, lam=0.7, printability=0.01, placement="paste", draws=2, piece=4)
    warm = torch.rand(3, 32, 32, generator=generator(8)).clamp(0.01, 0.99)
    result = attack(
        settings, model=model, transforms=[sticker, Halved(), seen], colors=colors, warm_start=warm
    )
    assert [each[:2] for each in sticker.asked] == [(3, (4, 32, 32)), (6, (4, 32, 32))]
    assert [each[:2] for each in seen.asked] == [(3, (3, 16, 16))]
    assert result.adversarial.shape == (3, 3, 3, 16, 16)
    of_sticker, of_image = sticker.asked[1][2].view(2, 3), seen.asked[0][2].view(3)
    for t, target in enumerate((0, 2, 5)):
        expected = 0.7 * (mask * (warm - images.mean(0))).norm()
        expected += 0.01 * non_printability_score(warm[None], mask, colors)[0]
        for d in range(2):
            for v in range(3):
                covered = of_sticker[d, v] * mask
                attacked = images[v] * (1 - covered) + covered * warm
                attacked = of_image[v] * nn.functional.avg_pool2d(attacked[None], 2)
                logits = model(attacked)
                expected += nn.functional.cross_entropy(logits, torch.tensor([target])) / 6
        torch.testing.assert_close(result.loss[t, 0], expected.detach())


def test_draws_are_averaged():
    """The first gradient of two draws is the mean of both, so Adam's first step has its sign."""
    factor, (images, mask) = Factor("sticker", share=3), scene(1)
    model = build("small_resnet", 6, seed=0).eval()
    settings = RP2Settings(steps=1, lam=0, lr=1e-3, draws=2, clip=False, eps=1e-12)
    warm = torch.full((1, 3, 32, 32), 0.05)
    result = attack(
        settings, targets=(4,), model=model, images=images, transforms=[factor], warm_start=warm
    )
    delta = warm.clone().requires_grad_()
    for share in factor.asked[1][2]:
        logits = model(images + share * mask * delta)
        nn.functional.cross_entropy(logits, torch.tensor([4])).backward()
    inside = mask.expand_as(delta) > 0
    torch.testing.assert_close(
        (result.noise - warm)[inside], -1e-3 * delta.grad.sign()[inside], rtol=1e-3, atol=1e-7
    )


def test_restarts_are_never_worse():
    def judged(settings):
        result = attack(settings, model=model, targets=(0, 1, 2, 3, 4, 5))
        with torch.no_grad():
            logits = model(result.adversarial.flatten(0, 1)).view(6, 3, 6)
        wanted = torch.arange(6)[:, None].expand(6, 3)
        losses = nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="none"
        ).view(6, 3)
        per_image = settings.scope == "per_image"
        reached = (logits.argmax(2) == wanted).float()
        return (reached, losses) if per_image else (reached.sum(1), losses.mean(1)), result

    model = build("lisa_cnn", 6, seed=3).eval()
    for scope in ("universal", "per_image"):
        settings = RP2Settings(steps=6, lam=0, scope=scope)
        (reached, losses), one = judged(settings)
        (better, lower), several = judged(dataclasses.replace(settings, restarts=4))
        worse = (better < reached) | ((better == reached) & (lower > losses + 1e-6))
        assert not worse.any()
        assert not torch.equal(one.noise, several.noise)
        assert several.loss.shape == (6, 6)


def test_what_is_done_stops_and_what_is_not_goes_on():
    """Class 0 is reached at once, since the network answers little else; others are not."""
    model = build("lisa_cnn", 6, seed=0)
    with torch.no_grad():
        model.fc.bias[0] += 100
    settings = RP2Settings(steps=60, stop_when_done=True)
    asked = []
    model.register_forward_hook(lambda _m, given, _o: asked.append(len(given[0])))
    stopped = attack(settings, targets=(0, 2), model=model)
    images_asked, asked[:] = sum(asked), []
    full = attack(dataclasses.replace(settings, stop_when_done=False), targets=(0, 2), model=model)
    assert images_asked < sum(asked) - 30 * 3
    assert stopped.loss[0].isnan().tolist() == 25 * [False] + 35 * [True]
    assert not stopped.loss[1].isnan().any()
    torch.testing.assert_close(stopped.noise[1], full.noise[1], rtol=0, atol=1e-3)
    torch.testing.assert_close(stopped.loss[1], full.loss[1])
    shorter = attack(dataclasses.replace(settings, steps=25), targets=(0, 2), model=model)
    torch.testing.assert_close(stopped.noise[0], shorter.noise[0], rtol=0, atol=1e-3)


def test_progress_ends_though_all_is_done():
    model, told = build("lisa_cnn", 6, seed=0), []
    with torch.no_grad():
        model.fc.bias[0] += 100
    settings = RP2Settings(steps=60, stop_when_done=True, restarts=3)
    attack(settings, targets=(0,), model=model, on_step=lambda *done: told.append(done))
    assert told[-1] == (180, 180)
    assert len(told) < 30


def test_a_warm_start_is_where_it_starts():
    first = attack(RP2Settings(steps=1, placement="paste"))
    again = attack(RP2Settings(steps=1, placement="paste"), warm_start=first.noise)
    onward = attack(
        RP2Settings(steps=1, placement="paste", scope="per_image"), warm_start=first.noise[:, None]
    )
    assert not torch.equal(first.loss, again.loss)
    torch.testing.assert_close(
        attack(RP2Settings(steps=2, placement="paste")).loss[:, 1], again.loss[:, 0]
    )
    assert onward.noise.shape == (3, 3, 3, 32, 32)


@pytest.mark.parametrize("placement", ["add", "paste"])
def test_same_seed_same_bits(placement):
    settings = RP2Settings(steps=3, placement=placement, draws=2, restarts=2, precision="bfloat16")
    first, again, other = (
        attack(settings, seed=seed, transforms=[Factor("sticker"), Factor()]) for seed in (7, 7, 8)
    )
    assert torch.equal(first.noise, again.noise)
    assert torch.equal(first.adversarial, again.adversarial)
    assert not torch.equal(first.noise, other.noise)


class Breaks(Factor):
    def __call__(self, images, parameters, /):
        if len(self.asked) > 2:
            raise RuntimeError("broken")
        return super().__call__(images, parameters)


@pytest.mark.parametrize("breaks", [False, True])
def test_leaves_the_network_as_it_was(breaks):
    model = build("small_resnet", 6, seed=0).train()
    model.norm1.eval()
    model.conv1.weight.requires_grad_(False)
    model.fc.bias.grad = torch.ones(6)
    state = {name: each.clone() for name, each in model.state_dict().items()}
    settings = RP2Settings(
        steps=3, precision="bfloat16", restarts=2, stop_when_done=True, placement="paste"
    )
    if breaks:
        with pytest.raises(RuntimeError, match="broken"):
            attack(settings, model=model, transforms=[Breaks()])
    else:
        attack(settings, model=model, transforms=[Factor()])
    assert model.training
    assert not model.norm1.training
    assert all(torch.equal(state[name], each) for name, each in model.state_dict().items())
    assert [name for name, each in model.named_parameters() if not each.requires_grad] == [
        "conv1.weight"
    ]
    assert torch.equal(model.fc.bias.grad, torch.ones(6))
    assert sum(each.grad is not None for each in model.parameters()) == 1
    assert not any(
        layer._forward_hooks or layer._forward_pre_hooks or "forward" in vars(layer)
        for layer in model.modules()
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"placement": "glue"}, "no placement 'glue': add, add_straight_through, paste"),
        ({"loss": "mse"}, "no loss 'mse': cross_entropy, margin, logit"),
        ({"goal": "any"}, "no goal 'any': targeted, untargeted"),
        ({"scope": "all"}, "no scope 'all': universal, per_image"),
        ({"keep": "best"}, "no keep 'best': last, closest"),
        ({"precision": "half"}, "no precision 'half': float32, bfloat16, auto"),
        ({"start": "ones"}, "no start 'ones': uniform, zeros"),
        ({"restarts": 0}, "restarts is at least 1, not 0"),
        ({"restarts": 2, "start": "zeros"}, "restarts from zeros are all alike"),
        ({"draws": 0}, "draws is at least 1, not 0"),
        ({"printability": -1}, "printability is at least 0, not -1"),
        ({"placement": "add_straight_through", "clip": False}, "add_straight_through clips"),
        ({"piece": 0}, "piece is at least 1, not 0"),
    ],
)
def test_wrong_settings(changed, message):
    with pytest.raises(BlurnetError, match=message):
        RP2Settings(**changed)


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        ({"printability": 1}, {}, "printability weight of 1 needs the printable colours"),
        ({}, {"colors": torch.rand(3)}, r"printable colours are float32, P × 3.*found \(3,\)"),
        ({}, {"warm_start": torch.rand(4, 4)}, r"broadcasts with \(3, 3, 32, 32\)"),
        ({"scope": "per_image"}, {"warm_start": torch.rand(2, 1, 1, 1, 1)}, r"\(3, 3, 3, 32, 32\)"),
        (
            {"placement": "paste"},
            {"warm_start": torch.full((3, 32, 32), 1.5)},
            r"pasted sticker lies in \[0, 1\]; the warm start has 1.5…1.5",
        ),
    ],
)
def test_wrong_input(settings, more, message):
    with pytest.raises(BlurnetError, match=message):
        attack(RP2Settings(steps=1, **settings), **more)
