"""Attacks that know the defense: its penalties in the loss, low frequencies, straight through."""

import pytest
import torch
from scipy.fft import dctn, idctn
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import APGDSettings, RP2Settings, apgd, rp2, stops_gradient, straight_through
from blurnet.attacks.rp2.adaptive import low_frequencies
from blurnet.models import build
from blurnet.penalties import Penalty, penalty_values

TV = Penalty("total_variation", 0.5, ("relu1",))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def problem():
    model = build("lisa_cnn", 5, seed=0).eval()
    images = torch.rand(4, 3, 32, 32, generator=generator(1))
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    return model, images, mask


def attacked(problem, targets=(1, 2), **settings):
    model, images, mask = problem
    return rp2(
        model,
        images,
        torch.tensor(targets),
        mask,
        settings=RP2Settings(**{"steps": 1, **settings}),
        generator=generator(),
    )


@pytest.mark.parametrize("scope", ["universal", "per_image"])
@pytest.mark.parametrize("piece", [None, 2])
def test_the_defenses_penalty_of_the_attacked_maps_is_in_the_objective(problem, scope, piece):
    start = torch.rand(3, 32, 32, generator=generator(5))
    model, images, mask = problem
    given = {
        "model": model,
        "images": images,
        "targets": torch.tensor([1, 2]),
        "mask": mask,
        "warm_start": start,
    }

    def first_loss(**more):
        settings = RP2Settings(steps=1, scope=scope, piece=piece, **more)
        return rp2(**given, settings=settings, generator=generator()).loss[:, 0]

    seen = (images + mask * start).clamp(0, 1)
    tikhonov = Penalty("tikhonov_high_pass", 2.0, ("relu1", "relu2"), size=3)
    wanted = sum(
        each.alpha * value
        for each, value in zip(
            (TV, tikhonov), penalty_values(model, (TV, tikhonov), seen), strict=True
        )
    )
    added = first_loss(penalties=(TV, tikhonov)) - first_loss()
    torch.testing.assert_close(added, torch.full((2,), wanted), rtol=1e-4, atol=1e-4)
    assert not any(layer._forward_hooks for layer in model.modules())


def test_the_attack_lowers_the_penalty(problem):
    model, _, _ = problem
    values = []
    for penalties in ((), (Penalty("total_variation", 1.0, ("relu1",)),)):
        found = attacked(problem, targets=(1,), steps=40, penalties=penalties)
        values.append(penalty_values(model, (TV,), found.attacked(0))[0])
    assert values[1] < 0.95 * values[0]


def test_low_frequencies_are_those_of_scipys_dct():
    free = torch.rand(2, 3, 8, 12, generator=generator(2), dtype=torch.float64)
    kept = low_frequencies(free, 3)
    spectrum = dctn(free.numpy(), axes=(-2, -1), norm="ortho")
    spectrum[..., 3:, :] = 0
    spectrum[..., :, 3:] = 0
    wanted = torch.from_numpy(idctn(spectrum, axes=(-2, -1), norm="ortho"))
    torch.testing.assert_close(kept, wanted)
    assert low_frequencies(free, None) is free
    torch.testing.assert_close(low_frequencies(free, 99), free)


@pytest.mark.parametrize("placement", ["add", "paste"])
def test_the_sticker_has_no_high_frequencies(problem, placement):
    found = attacked(problem, steps=10, frequencies=4, placement=placement, lam=0)
    noise = found.noise.logit() if placement == "paste" else found.noise
    spectrum = dctn(noise.double().numpy(), axes=(-2, -1), norm="ortho")
    high = torch.from_numpy(spectrum)
    high[..., :4, :4] = 0
    assert high.abs().max() < 1e-3
    assert noise.std() > 0.01
    free = attacked(problem, steps=10, placement=placement, lam=0)
    assert found.loss[0, -1] > free.loss[0, -1], "fewer ways cannot be better"
    _, images, mask = problem
    pasted = images * (1 - mask) + found.noise[0] * mask
    wanted = pasted if placement == "paste" else (images + mask * found.noise[0]).clamp(0, 1)
    torch.testing.assert_close(found.attacked(0), wanted)


@pytest.mark.parametrize(
    "given",
    [{"frequencies": 0}, {"penalties": (Penalty("l_infinity", 1.0),)}],
)
def test_settings_are_checked(given):
    with pytest.raises(BlurnetError, match="RP2 settings"):
        RP2Settings(**given)


def test_an_unknown_layer_is_refused(problem):
    with pytest.raises(BlurnetError, match="nowhere"):
        attacked(problem, penalties=(Penalty("total_variation", 1.0, ("nowhere",)),))


class Rounded(nn.Module):
    """Rounds to sixteen levels: its gradient is 0."""

    def forward(self, maps):
        return (maps * 16).round() / 16


def test_straight_through_finds_what_stops_the_gradient(problem):
    model, images, mask = problem
    hidden = nn.Sequential(Rounded(), model)
    assert stops_gradient(model, images) == ()
    assert stops_gradient(hidden, images) == ("0",)
    passing = straight_through(hidden, example=images)
    with torch.no_grad():
        torch.testing.assert_close(passing(images), hidden(images))
        labels = hidden(images).argmax(1)

    def margin(net):
        settings = APGDSettings(steps=10, restarts=1, until_fooled=False)
        return apgd(net, images, labels, mask, settings=settings, generator=generator())

    stopped, alive = margin(hidden), margin(passing)
    assert stopped.dead_gradient_share == 1
    assert alive.dead_gradient_share < 0.1
    assert (alive.margin < stopped.margin).all()
    named = straight_through(hidden, ["0"])
    assert torch.equal(margin(named).adversarial, alive.adversarial)
    assert not any(layer._forward_hooks for layer in hidden.modules())


def test_straight_through_refuses(problem):
    model, images, _ = problem
    with pytest.raises(BlurnetError, match="no layer that keeps"):
        straight_through(model, example=images)
    with pytest.raises(BlurnetError, match="or give an example"):
        straight_through(model)
    with pytest.raises(BlurnetError, match="'conv1' does not give what it gets"):
        straight_through(model, ["conv1"])(images)
