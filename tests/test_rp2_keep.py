"""Which of its stickers an attack ends with."""

import pytest
import torch

from blurnet.attacks import RP2Settings, rp2, transform
from blurnet.data.rp2 import load_scene
from blurnet.evaluation import l2_dissimilarity
from blurnet.models import MODELS, read_network


@pytest.fixture(scope="module")
def attacked(shared_data):
    """RP2's own network, its photographs and its mask, and an attack on the first of them."""
    folder = shared_data / "rp2"
    network = read_network(folder / "lisa_cnn.safetensors", MODELS["lisa_cnn"])
    scene = load_scene(folder)
    images = scene.floats[:12]

    def attack(targets=("speedLimit45",), transforms=(), **settings):
        return rp2(
            network.model,
            images,
            torch.tensor([network.classes.index(name) for name in targets]),
            scene.mask,
            settings=RP2Settings(**{"steps": 40, **settings}),
            generator=torch.Generator().manual_seed(0),
            transforms=transforms,
        )

    attack.model, attack.classes = network.model.eval(), network.classes
    attack.images, attack.mask = images, scene.mask
    return attack


def reached(attacked, result, place, name):
    with torch.no_grad():
        answers = attacked.model(result.adversarial[place]).argmax(1)
    return int((answers == attacked.classes.index(name)).sum())


def test_the_closest_is_the_one_that_a_plain_loop_finds(attacked):
    """Every step's sticker looked at as it stands: most views first, then the least change."""
    target = attacked.classes.index("speedLimit45")
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(3, 32, 32, generator=generator).requires_grad_()
    adam, met = torch.optim.Adam([noise], lr=0.1), []
    for step in range(41):
        images = (attacked.images + attacked.mask * noise).clamp(0, 1)
        logits = attacked.model(images)
        count = int((logits.argmax(1) == target).sum())
        met.append((-count, l2_dissimilarity(attacked.images, images.detach()), step))
        norm = 0.02 * torch.linalg.vector_norm(attacked.mask * noise)
        loss = torch.nn.functional.cross_entropy(logits, torch.full((12,), target)) + norm
        (noise.grad,) = torch.autograd.grad(loss, noise)
        adam.step()
    count, change, step = min(met)
    assert step < 40, "the last is the closest: this scene tests nothing"

    result = attacked(keep="closest")

    assert reached(attacked, result, 0, "speedLimit45") == -count > 0
    assert l2_dissimilarity(attacked.images, result.adversarial[0]) == pytest.approx(
        change, rel=1e-4
    )


def test_targets_keep_their_closest_each_for_itself(attacked):
    names = ("speedLimit45", "yield", "merge")
    together = attacked(names, keep="closest", start="zeros")
    for place, name in enumerate(names):
        alone = attacked((name,), keep="closest", start="zeros")
        torch.testing.assert_close(together.adversarial[place], alone.adversarial[0])
        last = attacked((name,), keep="last", start="zeros")
        assert reached(attacked, alone, 0, name) >= reached(attacked, last, 0, name)


def test_each_image_keeps_its_own_closest(attacked):
    """Untargeted, per image, pasted: what was once fooled stays fooled, and is not farther away."""
    given = {"placement": "paste", "goal": "untargeted", "loss": "margin", "scope": "per_image"}
    last = attacked(("stop",), **given)
    closest = attacked(("stop",), keep="closest", **given)
    with torch.no_grad():
        was = attacked.model(last.adversarial[0]).argmax(1) != attacked.classes.index("stop")
        now = attacked.model(closest.adversarial[0]).argmax(1) != attacked.classes.index("stop")
    assert was.any()
    assert (now | ~was).all()
    for image in was.nonzero().flatten():
        pair = [
            l2_dissimilarity(attacked.images[image][None], result.adversarial[0, image][None])
            for result in (closest, last)
        ]
        assert pair[0] <= pair[1] + 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"steps": 3, "lr": 1e-4, "start": "zeros"}, id="no view reached"),
        pytest.param({"transforms": (transform("brightness", share=0.1),)}, id="redrawn"),
    ],
)
def test_otherwise_the_last_is_kept(attacked, settings):
    closest, last = attacked(keep="closest", **settings), attacked(keep="last", **settings)
    assert torch.equal(closest.noise, last.noise)


def test_restarts_end_with_the_closest_of_all(attacked):
    once = attacked(keep="closest", steps=20)
    thrice = attacked(keep="closest", steps=20, restarts=3)
    found = [
        (
            -reached(attacked, result, 0, "speedLimit45"),
            l2_dissimilarity(attacked.images, result.adversarial[0]),
        )
        for result in (thrice, once)
    ]
    assert found[0] <= found[1]
