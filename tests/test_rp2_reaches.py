"""RP2 reaches what was published, and in bfloat16 what it does in float32."""

import pytest
import torch

from blurnet.attacks import RP2Settings, rp2
from blurnet.data.rp2 import load_scene
from blurnet.models import MODELS, build
from blurnet.models.weights import read_network


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_reaches_rp2s_photographs(shared_data, precision):
    """The published sticker reaches 36 of 40; so does one made on the same network."""
    published = load_scene(shared_data / "rp2")
    network = read_network(shared_data / "rp2" / "lisa_cnn.safetensors", MODELS["lisa_cnn"])
    target = network.classes.index("speedLimit45")
    result = rp2(
        network.model,
        published.floats,
        torch.tensor([target]),
        published.mask,
        settings=RP2Settings(steps=150, precision=precision),
        generator=generator(),
    )
    with torch.no_grad():
        answers = network.model.eval()(result.adversarial[0]).argmax(1)
    assert (answers == target).sum() >= 35


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_reaches_what_float32_does(name):
    """What makes ``auto`` fair; a network that scales each image's contrast is among them."""
    model, every = build(name, 6, seed=0).eval(), (0, 1, 2, 3, 4, 5)
    images, mask = torch.rand(3, 3, 32, 32, generator=generator(1)), torch.zeros(32, 32)
    mask[8:13, 9:20] = 1
    reached, losses = [], []
    for precision in ("float32", "bfloat16"):
        settings = RP2Settings(steps=40, lam=0, placement="paste", precision=precision)
        result = rp2(
            model, images, torch.tensor(every), mask, settings=settings, generator=generator()
        )
        with torch.no_grad():
            answers = model(result.adversarial.flatten(0, 1)).argmax(1).view(6, 3)
        reached.append((answers == torch.arange(6)[:, None]).sum(1))
        losses.append(result.loss[:, -1])
    assert reached[0].sum() >= 3
    assert (reached[0] - reached[1]).abs().max() <= 1
    torch.testing.assert_close(losses[1], losses[0], rtol=0.1, atol=0.02)
